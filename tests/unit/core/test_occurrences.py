"""Rows beside the instants of a rule: what is missing, what is too much."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rota import triggers
from rota.core.time import DAY, MINUTE, SECOND, Instant
from rota.core.verification.findings import Code
from rota.core.verification.occurrences import Row, compare, named_by
from rota.core.verification.rules import Known, Owed, Rule, RuleSpan, owed

EVERY = triggers.parse("interval", {"seconds": 60}, timezone="UTC", anchor=0)
LAST = 200


def rule(since: Instant = 0, until: Instant | None = None, **changes: object) -> Rule:
    """A rule that is planned up to the last minute."""
    values = {
        "task_id": "t",
        "revision": since,
        "since": since,
        "until": until,
        "trigger": "interval",
        "trigger_args": {"seconds": 60},
        "timezone": "UTC",
        "dst": "adjust",
        "enabled": True,
        "edits": {},
        "anchor": 0,
        "planned_until": LAST * MINUTE if until is None else until,
        "paused_since": None,
        "paused_until": None,
        "removed_at": None,
        "skipped": (),
    }
    return Rule(**{**values, **changes})  # type: ignore[arg-type]


def row(minute: int, count: int = 1, made: int | None = None) -> Row:
    """The row of a minute, made in that of `made`."""
    at = minute * MINUTE
    made_at = at if made is None else made * MINUTE
    return Row(at, f"r{minute}", count, made_at, is_planned=True)


def spans(rules: Sequence[Rule], **known: object) -> list[Owed]:
    values = {"now": LAST * MINUTE, "since": 0, "edge": 0, **known}
    return owed(rules, lambda _: EVERY, Known(**values))  # type: ignore[arg-type]


def holes(rows: Sequence[Row], rules: Sequence[Rule] = (rule(),), **known: object) -> list[int]:
    """The minutes that have no row, by the rule."""
    named = named_by([EVERY], 0)
    found = compare(
        "t", rows, spans(rules, **known), named, triggers.count_between, lambda _: False
    )
    missing: list[int] = []
    for one in found:
        assert one.code is Code.HOLE, one
        assert one.at is not None
        missing += [one.at // MINUTE + number for number in range(one.count)]
    return missing


def codes(rows: Sequence[Row]) -> list[Code]:
    named = named_by([EVERY], 0)
    found = compare("t", rows, spans([rule()]), named, triggers.count_between, lambda _: False)
    return [one.code for one in found]


def all_but(*missing: int) -> list[Row]:
    return [row(minute) for minute in range(1, LAST + 1) if minute not in missing]


@given(st.sets(st.integers(1, LAST)))
def test_exactly_what_is_missing_is_found(missing: set[int]) -> None:
    assert holes(all_but(*missing)) == sorted(missing)


@given(st.integers(1, LAST - 20), st.integers(2, 18))
def test_a_summary_row_covers_as_many_occurrences_as_it_counts(first: int, count: int) -> None:
    rest = range(first + 1, first + count)
    rows = [row(one.fire_time // MINUTE) for one in all_but(first, *rest)]
    summary = row(first, count, made=first + count)
    assert holes(sorted([*rows, summary], key=lambda one: one.fire_time)) == []
    less = row(first, count - 1, made=first + count)
    found = holes(sorted([*rows, less], key=lambda one: one.fire_time))
    assert found == ([first + count - 1] if count > 2 else [first + 1])


def test_a_row_that_counts_too_many_overlaps_with_a_later_one() -> None:
    rows = [row(1, 12, made=11), *all_but(*range(1, 11))]
    assert codes(sorted(rows, key=lambda one: one.fire_time)) == [Code.OVERLAP]


def test_rows_that_were_there_before_are_no_overlap() -> None:
    rows = [row(1, 10, made=11), row(2), row(3), *all_but(*range(1, 11))]
    assert codes(sorted(rows, key=lambda one: one.fire_time)) == []


def test_two_rows_of_one_occurrence_are_a_double() -> None:
    assert codes(sorted([*all_but(), row(7)], key=lambda one: one.fire_time)) == [Code.DOUBLE]


def test_a_row_between_the_instants_is_unnamed() -> None:
    moved = Row(7 * MINUTE + SECOND, "x", 1, 7 * MINUTE, is_planned=True)
    rows = sorted([*all_but(7), moved], key=lambda one: one.fire_time)
    assert codes(rows) == [Code.HOLE, Code.UNNAMED]


def test_a_pause_owes_nothing_and_its_end_does() -> None:
    paused = rule(paused_since=10 * MINUTE, paused_until=20 * MINUTE)
    assert holes(all_but(*range(10, 20)), [paused]) == []
    assert holes(all_but(*range(10, 21)), [paused]) == [20]


def test_what_is_off_owes_nothing() -> None:
    for changes in ({"enabled": False}, {"edits": {"enabled": False}}, {"removed_at": 1}):
        assert holes([], [rule(**changes)]) == []


def test_a_rule_that_goes_on_has_no_seam() -> None:
    half = LAST // 2 * MINUTE
    rules = [rule(0, half), rule(half, skipped=(DAY,))]
    assert holes(all_but(LAST // 2), rules, edge=5 * MINUTE) == [LAST // 2]
    changed = [rule(0, half), rule(half, anchor=1)]
    assert holes(all_but(LAST // 2), changed, edge=5 * MINUTE) == []


def test_a_clock_that_was_set_back_cuts_the_rules_before() -> None:
    ahead = rule(0, 150 * MINUTE)
    later = rule(100 * MINUTE, anchor=0)
    assert holes(all_but(), [ahead, later]) == []
    assert holes(all_but(120), [ahead, later], blind=[RuleSpan(110 * MINUTE, 130 * MINUTE)]) == []


def test_beyond_the_cursor_what_a_node_was_there_for_is_owed() -> None:
    behind = rule(planned_until=50 * MINUTE)
    rows = [row(minute) for minute in range(1, 51)]
    assert holes(rows, [behind]) == []
    there = [RuleSpan(0, 80 * MINUTE)]
    assert holes(rows, [behind], planners=there, late=10 * MINUTE) == list(range(51, 71))


def test_many_missing_instants_cost_nothing() -> None:
    fast = triggers.parse("interval", {"seconds": 0.001}, timezone="UTC", anchor=0)
    year = rule(planned_until=365 * DAY)
    known = Known(now=365 * DAY, since=0)
    (found,) = compare(
        "t",
        [],
        owed([year], lambda _: fast, known),
        named_by([fast], 0),
        triggers.count_between,
        lambda _: False,
    )
    assert found.count == 365 * 86_400_000
