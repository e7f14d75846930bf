"""Several triggers as one, and what is left out of a trigger."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from rota.errors import TriggerError
from rota.triggers import Trigger, between, count_between, describe, parse
from rota.triggers.exceptions import Excepting
from tests.fault.effort import effort
from tests.unit.triggers.conftest import Refused, Times

START = 19_699 * DAY
"""A Friday in December 2023."""
WEEK = 7 * DAY

MEMBERS = [
    {"crontab": "*/20 8-10 * * *"},
    {"crontab": "0 9 * * mon-fri"},
    {"trigger": "interval", "minutes": 50},
    {"trigger": "interval", "trigger_args": {"hours": 3, "start_date": "2023-12-10"}},
    {"trigger": "date", "run_date": "2023-12-11 09:00"},
    {"trigger": "cron", "hour": "0,9", "timezone": "America/New_York"},
    {"trigger": "cron", "minute": "*", "day_of_week": "sat,sun"},
]
lists = st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3)


def instants(rule: Trigger, after: Instant = START, until: Instant = START + WEEK) -> list[Instant]:
    return between(rule, after, until, 100_000)


def backwards(rule: Trigger) -> list[Instant]:
    found: list[Instant] = []
    at = rule.last_before(START + WEEK)
    while at is not None and at > START:
        found.append(at)
        at = rule.last_before(at - 1)
    return found[::-1]


@settings(max_examples=12, deadline=None)
@given(of=lists, left_out=st.one_of(st.none(), lists))
def test_any_is_the_union_without_what_the_exceptions_name(
    of: list[dict[str, object]], left_out: list[dict[str, object]] | None
) -> None:
    def named(one: dict[str, object]) -> set[Instant]:
        return set(instants(parse("any", {"of": [one]}, anchor=START)))

    wanted = set[Instant]().union(*map(named, of))
    wanted -= set[Instant]().union(*map(named, left_out or []))
    try:
        rule = parse("any", {"of": of, "except": left_out}, anchor=START)
    except TriggerError:
        assert not wanted
        return
    assert instants(rule) == sorted(wanted)
    assert backwards(rule) == sorted(wanted)
    assert count_between(rule, START, START + WEEK, 10**6) == len(wanted)


@settings(max_examples=effort(8, 200), deadline=None)
@given(
    second=st.sampled_from(["*", "*/7", "0", "30,31"]),
    left_out=st.lists(
        st.fixed_dictionaries(
            {
                "trigger": st.just("cron"),
                "second": st.sampled_from(["*", "*/2", "1-59/2", "0"]),
                "hour": st.sampled_from(["*", "9-17", "0"]),
                "minute": st.just("*"),
                "day_of_week": st.sampled_from(["*", "sat,sun", "mon"]),
            }
        ),
        min_size=1,
        max_size=3,
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    at=st.integers(0, 2 * 86_400),
)
def test_the_leap_over_what_is_left_out_misses_nothing(
    second: str, left_out: list[dict[str, object]], zone: str, at: int
) -> None:
    """`Excepting` leaps within days of whole seconds; asked one by one, it is the same."""
    rule = parse("cron", {"second": second}, timezone=zone)
    others = [
        parse("cron", {k: v for k, v in one.items() if k != "trigger"}, timezone=zone)
        for one in left_out
    ]
    less = Excepting(rule, tuple(others))
    begin = START + at * SECOND
    found = less.next_after(begin)
    instant = rule.next_after(begin)
    while instant is not None and any(one.last_before(instant) == instant for one in others):
        instant = rule.next_after(instant)
        if instant is not None and instant - begin > 3 * DAY:
            assert found is None or found > begin + 3 * DAY
            return
    assert found == instant
    if found is not None:
        assert less.last_before(found) == found
        before = less.last_before(found - 1)
        assert before is None or before <= begin


@pytest.mark.parametrize("kind", ["cron", "interval"])
def test_a_weekend_of_seconds_is_leapt_over(kind: str) -> None:
    every_second = {"second": "*"} if kind == "cron" else {"seconds": 1}
    weekend = {"trigger": "cron", "second": "*", "day_of_week": "sat,sun"}
    rule = parse(kind, {**every_second, "except": [weekend]}, anchor=START)
    friday = START + DAY - SECOND
    assert rule.next_after(friday - SECOND) == friday
    assert rule.next_after(friday) == START + 3 * DAY
    assert rule.last_before(START + 3 * DAY - 1) == friday


def test_an_option_of_every_kind(times: Times) -> None:
    christmas = {"crontab": "0 9 25 12 *"}
    rule = {"hour": 9, "except": [christmas]}
    assert times("cron", rule, "2023-12-23 12:00", count=2) == [
        "2023-12-24 09:00:00",
        "2023-12-26 09:00:00",
    ]
    assert describe("cron", rule) == (
        "every day at 09:00, UTC, except (on the 25th of December at 09:00, UTC)"
    )
    once = {"run_date": "2024-12-24 09:00", "except": [{"crontab": "0 9 25 12 *"}]}
    assert times("date", once, "2023-12-23") == ["2024-12-24 09:00:00"]


def test_the_members_are_read_in_the_zone_of_the_whole(times: Times) -> None:
    rule = {"of": [{"crontab": "0 9 * * *"}], "timezone": "Asia/Tokyo"}
    assert times("any", rule, "2024-01-01", count=1) == ["2024-01-02 00:00:00"]
    zone = {"crontab": "CRON_TZ=Asia/Tokyo 0 9 * * *", "except": [{"crontab": "0 9 2 1 *"}]}
    assert times("cron", zone, "2024-01-01", count=1) == ["2024-01-03 00:00:00"]


def test_bounds_and_words_of_the_whole(times: Times) -> None:
    rule = {
        "of": [{"crontab": "0 9 * * mon-fri"}, {"trigger": "interval", "hours": 1}],
        "start_date": "2024-01-01 10:00",
        "end_date": "2024-01-01 11:00",
        "jitter": 5,
    }
    assert times("any", rule, "2023-12-31") == ["2024-01-01 10:00:00", "2024-01-01 11:00:00"]
    assert describe("any", rule) == (
        "any of (every weekday at 09:00, UTC) or (every hour), from 2024-01-01 10:00,"
        " until 2024-01-01 11:00, delayed by up to 5 seconds, UTC"
    )


@pytest.mark.parametrize(
    ("args", "field", "why"),
    [
        ({}, "of", "needs them"),
        ({"of": []}, "of", "not a list"),
        ({"of": "weekday at 09:00"}, "of[0]", "not a definition"),
        ({"of": [{"hour": 9}]}, "of[0].trigger", "is missing"),
        ({"of": [{"trigger": "corn", "hour": 9}]}, "of[0].trigger", "no kind"),
        ({"of": [{"crontab": "0 9 * * *"}, {"crontab": "0 25 * * *"}]}, "of[1].crontab", "hour"),
        ({"of": [{"trigger": "cron", "hour": 9, "jitter": 5}]}, "of[0].jitter", "of the whole"),
        ({"of": [{"trigger": "cron", "hour": 99}], "on": 1}, "on", "no argument"),
        ({"of": [{"crontab": "0 9 * * *"}], "except": ["de"]}, "except", "no calendar"),
        ({"of": [{"crontab": "0 9 * * *"}], "except": [{"crontab": "x"}]}, "except[0].crontab", ""),
        ({"of": [{"crontab": "0 9 * * *"}], "except": {"crontab": "0 9 * * *"}}, "except", "never"),
        (
            {"of": [{"trigger": "date", "run_date": "2030-01-01"}], "end_date": "2029-01-01"},
            "of",
            "never fire",
        ),
    ],
)
def test_each_mistake_is_named_with_its_place(
    refused: Refused, args: dict[str, object], field: str, why: str
) -> None:
    error = refused("any", args)
    assert (error.field, why in str(error)) == (field, True)
    assert error.remedy


def test_what_lies_too_deep_is_refused(refused: Refused) -> None:
    rule: dict[str, object] = {"crontab": "0 9 * * *"}
    for _ in range(50):
        rule = {"trigger": "any", "of": [rule]}
    assert "at most 3 deep" in refused("any", {"of": [rule]}).what
    assert "100 definitions" in refused("any", {"of": [{"crontab": "* * * * *"}] * 101}).what


def test_a_moment_of_an_exception_runs_at_any_other_time() -> None:
    rule = parse("interval", {"minutes": 1, "except": [{"trigger": "interval", "hours": 1}]})
    assert between(rule, 58 * MINUTE, HOUR + MINUTE, 9) == [59 * MINUTE, HOUR + MINUTE]
