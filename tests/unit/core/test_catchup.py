"""Which of the occurrences that fell into a downtime still run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rota.core.catchup import COUNTED, ON_TIME, Due, decide, survey
from rota.core.reasons import ReasonCode
from rota.core.task import Catchup, Policy
from rota.core.time import MINUTE, SECOND, Instant
from rota.core.trigger import Trigger


class Every:
    """Every `period`, from the epoch on."""

    kind = "interval"
    timezone = "UTC"
    jitter: Instant = 0
    end: Instant | None = None

    def __init__(self, period: Instant) -> None:
        self.period = period

    def next_after(self, after: Instant) -> Instant:
        return after - after % self.period + self.period

    def last_before(self, at: Instant) -> Instant:
        return at - at % self.period


def rows(
    planned_until: Instant, now: Instant, policy: Policy, period: Instant = MINUTE
) -> list[Due]:
    def count(_: Trigger, after: Instant, until: Instant, limit: int) -> int:
        return min(until // period - after // period, limit)

    return decide(survey(Every(period), planned_until, now, policy, count), policy)


def runs(due: list[Due]) -> list[Instant]:
    return [one.fire_time for one in due if not one.is_missed]


NOW = 1_000 * MINUTE + SECOND


def test_an_occurrence_on_time_runs_under_every_rule() -> None:
    assert rows(NOW - MINUTE, NOW, Policy(catchup=Catchup.NONE)) == [Due(1_000 * MINUTE)]


def test_latest_runs_the_newest_of_the_downtime() -> None:
    late = NOW + 30 * SECOND
    due = rows(late - 10 * MINUTE, late, Policy())
    assert len(due) == 10
    assert runs(due) == [1_000 * MINUTE]
    assert due[-1].caught_up
    assert due[0].reason.text == "it fell into a downtime (catchup=latest)"


def test_what_is_late_though_the_node_was_up_fell_into_no_downtime() -> None:
    late = NOW + 30 * SECOND
    found = survey(Every(MINUTE), late - 4 * MINUTE, late, Policy(), lambda *_: 0)
    up_since = 998 * MINUTE
    due = decide(found, Policy(catchup=Catchup.NONE), up_since=up_since)
    assert [one.reason.code for one in due] == [
        ReasonCode.DOWNTIME if one.fire_time < up_since else ReasonCode.BEHIND for one in due
    ]
    assert due[0].reason.text == "it fell into a downtime (catchup=none)"
    assert "was up at its time and planned it more than 5 s late" in due[-1].reason.text


def test_latest_leaves_the_missed_ones_where_one_is_on_time() -> None:
    due = rows(NOW - 10 * MINUTE, NOW, Policy())
    assert runs(due) == [1_000 * MINUTE]
    assert not due[-1].caught_up


def test_catchup_skip_runs_only_what_is_on_time() -> None:
    late = NOW + 30 * SECOND
    assert runs(rows(late - 10 * MINUTE, late, Policy(catchup=Catchup.NONE))) == []


def test_all_runs_the_newest_up_to_the_limit_and_sums_up_the_others() -> None:
    late = NOW + 30 * SECOND
    policy = Policy(catchup=Catchup.ALL, catchup_limit=3)
    due = rows(late - 10 * MINUTE, late, policy)
    assert runs(due) == [998 * MINUTE, 999 * MINUTE, 1_000 * MINUTE]
    assert (due[0].fire_time, due[0].until) == (991 * MINUTE, 997 * MINUTE)
    assert due[0].occurrence_count == 7
    assert due[0].is_missed
    assert due[0].reason.text.startswith("7 occurrences after 1970-01-01T")


def test_older_than_the_window_is_only_counted() -> None:
    late = NOW + 30 * SECOND
    policy = Policy(catchup=Catchup.ALL, catchup_window=120)
    due = rows(late - 10 * MINUTE, late, policy)
    assert runs(due) == [999 * MINUTE, 1_000 * MINUTE]
    assert due[0].occurrence_count == 8


def test_a_very_long_downtime_costs_little() -> None:
    due = rows(0, 10**9 * SECOND, Policy(), period=SECOND)
    assert due[0].occurrence_count == COUNTED
    assert due[0].is_missed
    assert due[0].reason.text.startswith("at least 100000 occurrences")


def test_catchup_decides_nothing_if_nothing_is_due() -> None:
    assert rows(NOW, NOW + SECOND, Policy()) == []


@given(
    downtime=st.integers(0, 500),
    into=st.integers(0, 59),
    catchup=st.sampled_from(Catchup),
    limit=st.integers(1, 20),
    window=st.integers(0, 40_000),
)
def test_every_occurrence_is_in_exactly_one_row(
    downtime: int, into: int, catchup: Catchup, limit: int, window: int
) -> None:
    now = 1_000 * MINUTE + into * SECOND
    planned_until = now - downtime * MINUTE
    policy = Policy(catchup=catchup, catchup_limit=limit, catchup_window=window)
    due = rows(planned_until, now, policy)
    assert sum(one.occurrence_count for one in due) == downtime
    assert [one.until for one in due[-1:]] == [now - into * SECOND][: len(due)]
    assert [one.fire_time for one in due] == sorted({one.fire_time for one in due})
    assert all(planned_until < one.fire_time <= now for one in due)
    late = [one for one in due if not one.is_missed and now - one.fire_time > ON_TIME]
    assert len(late) <= {Catchup.NONE: 0, Catchup.LATEST: 1, Catchup.ALL: limit}[catchup]
    assert all(one.caught_up for one in late)
