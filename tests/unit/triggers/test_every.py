"""English texts as triggers: short forms, and what is refused with the nearest form."""

from __future__ import annotations

import pytest

from rota.triggers import describe, is_single, names_moment, parse, zone_of
from tests.unit.triggers.conftest import Refused

BERLIN = {"latitude": 52.5, "longitude": 13.4}


@pytest.mark.parametrize(
    ("text", "kind", "args"),
    [
        ("15 minutes", "interval", {"minutes": 15}),
        ("every 1 hour 30 minutes", "interval", {"minutes": 90}),
        ("hour", "interval", {"hours": 1}),
        ("day at 09:00", "cron", {"hour": 9}),
        ("Every Day at 9am", "cron", {"hour": 9}),
        ("weekday at 09:00 and 17:00", "cron", {"day_of_week": "mon-fri", "hour": "9,17"}),
        ("monday at 8:30", "cron", {"day_of_week": "mon", "hour": 8, "minute": 30}),
        ("weekdays at 9:00", "cron", {"day_of_week": "mon-fri", "hour": 9}),
        ("Saturday and Sunday at noon", "cron", {"day_of_week": "sat,sun", "hour": 12}),
        ("last friday of the month at 17:00", "cron", {"day": "last fri", "hour": 17}),
        ("the 1st and 15th of the month at 06:00", "cron", {"day": "1,15", "hour": 6}),
        ("15 minutes from 09:00 to 17:45", "cron", {"hour": "9-17", "minute": "*/15"}),
        ("once, at 2030-01-31 09:00", "date", {"run_date": "2030-01-31 09:00"}),
        ("sunrise + 20 minutes", "sun", {"event": "sunrise", "offset": 1200, **BERLIN}),
        ("dusk", "sun", {"event": "dusk", **BERLIN}),
    ],
)
def test_short_forms(text: str, kind: str, args: dict[str, object]) -> None:
    given = {"text": text, **(BERLIN if kind == "sun" else {})}
    found, wanted = parse("every", given), parse(kind, args)
    at = 1_900_000_000_000_000
    for _ in range(50):
        assert found.next_after(at) == wanted.next_after(at)
        assert found.last_before(at) == wanted.last_before(at)
        at = wanted.next_after(at) or at + 1
    assert describe("every", given) == describe(kind, args)


def test_the_zone_of_the_text_is_the_tasks() -> None:
    text = {"text": "weekday at 09:00, Europe/Berlin"}
    assert zone_of("every", text) == "Europe/Berlin"
    assert describe("every", text, timezone="Asia/Tokyo") == "every weekday at 09:00, Europe/Berlin"


def test_a_moment_in_the_text_is_known_to_be_one() -> None:
    assert is_single("every", {"text": "once, at 2030-01-31 09:00"})
    assert names_moment("every", {"text": "every hour, counted from 2030-01-01 00:00, UTC"})
    assert not names_moment("every", {"text": "weekday at 09:00"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("weekdays at 9", "Did you mean 'weekday at 09:00'?"),
        ("day at 25:00", "25:00 is no time of a day. Did you mean 'day at 09:00'?"),
        ("last business day of the month at 18:00", "business days need a calendar"),
        ("business day at 09:00", "business days need a calendar"),
        ("day at 09:00 and 17:30", "any of several triggers"),
        ("7 minutes, UTC", "evenly"),
        ("day at 09:00, until 2020-01-01 00:00, from 2030-01-01 00:00, UTC", ""),
        ("31st of February at 09:00", "can never fire"),
        ("fortnight", "Known: "),
        ("0 minutes", "too short"),
        ("sunrise", "needs its latitude"),
        ("", "not a text"),
        (7, "not a text"),
        ("x" * 30_000, "not a text"),
        ("(" * 900, "not understood"),
        ("1 " * 900, "not understood"),
        ("monday, " * 900, "not understood"),
    ],
)
def test_what_is_refused(refused: Refused, text: object, why: str) -> None:
    assert why in str(refused("every", {"text": text}))


def test_every_needs_its_text(refused: Refused) -> None:
    assert refused("every", {}).field == "text"
    assert "Keep one" in str(refused("every", {"text": "day at 09:00, UTC", "timezone": "UTC"}))
