"""A trigger that was read once is anchored without reading it again, and is the same."""

from __future__ import annotations

from typing import Any

import pytest

from rota.core.time import SECOND
from rota.triggers import anchored, parse

ANCHOR = 1_704_067_200_500_000


@pytest.mark.parametrize(
    ("trigger", "args"),
    [
        ("interval", {"seconds": 7}),
        ("interval", {"seconds": 7, "start_date": "1970-01-01"}),
        ("interval", {"seconds": 7, "start_date": "1969-12-31"}),
        ("interval", {"seconds": 7, "start_date": "1970-01-01 00:00:03"}),
        ("interval", {"hours": 7, "start_date": "2024-01-01", "jitter": 5}),
        ("interval", {"weeks": 1, "end_date": "2030-01-01"}),
        ("every", {"text": "7 seconds"}),
        ("cron", {"crontab": "@every 90m"}),
        ("cron", {"hour": 9}),
        ("date", {"run_date": "2024-01-01"}),
        ("any", {"of": [{"trigger": "interval", "seconds": 7}]}),
    ],
)
@pytest.mark.parametrize("anchor", [0, ANCHOR, ANCHOR + 3 * SECOND])
def test_an_anchored_trigger_is_what_reading_it_with_the_anchor_makes(
    trigger: str, args: dict[str, Any], anchor: int
) -> None:
    found = anchored(parse(trigger, args), args, anchor)
    if found is not None:
        again = parse(trigger, args, anchor=anchor)
        looks = [-1, ANCHOR, ANCHOR + SECOND, ANCHOR + 86_400 * SECOND]
        assert [found.next_after(at) for at in looks] == [again.next_after(at) for at in looks]
    if trigger in ("interval", "date", "cron") and "crontab" not in args:
        assert found is not None
