"""What can never fire is refused, what fires rarely is found; both at once."""

from __future__ import annotations

from time import process_time

import pytest

from rota.triggers import parse
from tests.unit.triggers.conftest import Refused, Times

ENOUGH = 1.0  # seconds of processor time; the promise is 0.1, a slow machine may need more


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ({"month": 2, "day": 29}, "2028-02-29"),
        ({"month": 2, "day": 29, "day_of_week": "mon"}, "2044-02-29"),
        ({"month": 2, "day": "5th mon"}, "2044-02-29"),
        ({"month": 2, "day": 29, "week": 9, "day_of_week": "tue"}, "2028-02-29"),
        ({"month": 1, "day": 1, "week": 53}, "2027-01-01"),
        ({"week": 1, "month": 12, "day": 29}, "2025-12-29"),
        ({"year": 2096}, "2096-01-01"),
        ({"year": 9999, "month": 12, "day": 31}, "9999-12-31"),
        ({"year": "2100-2399", "month": 2, "day": 29, "day_of_week": "sun"}, "2128-02-29"),
        ({"crontab": "0 0 29 2 */7"}, "2032-02-29"),
        ({"crontab": "0 0 * 2 thu#5"}, "2052-02-29"),
    ],
)
def test_the_rare_is_found(args: dict[str, object], wanted: str, times: Times) -> None:
    start = process_time()
    assert times("cron", args, "2025-01-01 12:00", count=1) == [f"{wanted} 00:00:00"]
    assert process_time() - start < ENOUGH


@pytest.mark.parametrize(
    "args",
    [
        {"month": 2, "day": 30},
        {"month": 2, "day": 31},
        {"month": "2,4,6,9,11", "day": 31},
        {"day_of_week": "mon", "day": "1st tue"},
        {"year": 2025, "month": 2, "day": 29},
        {"year": 2025, "week": 53},
        {"week": 9, "month": 12},
        {"month": 2, "day": 29, "week": 20},
        {"year": "2001-2003", "month": 2, "day": "5th sat"},
        {"crontab": "0 0 31 4 *"},
        {"crontab": "0 0 30 2 */2"},
    ],
)
def test_the_impossible_is_refused(args: dict[str, object], refused: Refused) -> None:
    start = process_time()
    error = refused("cron", args)
    assert "can never fire" in str(error)
    assert all(f"{name}=" in error.text for name in args)
    assert process_time() - start < ENOUGH


def test_the_past_is_legal() -> None:
    trigger = parse("cron", {"year": 2020})
    assert trigger.next_after(1_735_689_600 * 10**6) is None
    assert trigger.last_before(1_735_689_600 * 10**6) == 1_577_836_800 * 10**6


@pytest.mark.parametrize("value", ["crone", "", None, 5, ["cron"], "CRON", "\ud800", "c" * 10_000])
def test_an_unknown_kind_of_trigger(value: object, refused: Refused) -> None:
    error = refused(value, {"hour": 9})
    assert error.field == "trigger"
    assert "cron" in error.remedy


@pytest.mark.parametrize("value", [None, [], "hour=9", 5, [("hour", 9)]])
def test_arguments_that_are_no_dict(value: object, refused: Refused) -> None:
    assert refused("cron", value).field == "trigger_args"


@pytest.mark.parametrize("key", [1, None, "", "\ud800", "x" * 10_000, ("hour",)])
def test_odd_keys(key: object, refused: Refused) -> None:
    for trigger in ("cron", "interval", "date"):
        assert "has no argument" in str(refused(trigger, {key: 1}))
