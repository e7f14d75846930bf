"""A row that stands for many occurrences of one rule says nothing of the next rule's."""

from __future__ import annotations

from rota import triggers
from rota.core.time import SECOND
from rota.core.trigger import Trigger
from rota.core.verification.occurrences import Row, compare
from rota.core.verification.rules import Owed, Rule, RuleSpan


def args(period: int) -> dict[str, object]:
    return {"seconds": period, "start_date": "1970-01-01"}


def owed(first: int, last: int, period: int) -> Owed:
    rule = Rule(
        "t", 1, first, last, "interval", args(period), "UTC", "adjust", True, {}, 0, 0, None, None,
        None, (),
    )  # fmt: skip
    trigger: Trigger = triggers.parse("interval", args(period), timezone="UTC")
    return Owed(RuleSpan(first, last), trigger, rule)


def test_rows_after_an_edit_do_not_overlap_with_a_row_of_before() -> None:
    spans = [owed(1, 500 * SECOND, 1), owed(500 * SECOND + 1, 2_000 * SECOND, 100)]
    rows = [Row(SECOND, "many", 500, 600 * SECOND, True)]
    rows += [
        Row(at * SECOND, str(at), 1, (at + 600) * SECOND, True) for at in range(600, 2_001, 100)
    ]
    found = compare("t", rows, spans, lambda at: True, triggers.count_between, lambda at: False)
    assert list(found) == []
