"""When the clock hands a task over: a moment before its instant, and earlier in a crowd."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from rota import triggers
from rota.core.time import MINUTE, SECOND, Instant, to_datetime
from rota.core.trigger import LEAD
from rota.scheduling.heap_store import CROWD, EACH_MORE, LONGEST_LEAD, DueTask, HeapStore
from rota.testing import FakeClock

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(instant: Instant) -> triggers.Trigger:
    return triggers.parse("date", {"run_date": to_datetime(instant)})


def tick(store: HeapStore) -> list[DueTask]:
    """Have it look at the time, as APScheduler does."""
    jobs = store.get_due_jobs(datetime.now(UTC))
    return [one for job in jobs for one in job.args[0]]


def wait(store: HeapStore) -> Instant:
    """How long it wants to be left alone, when it has just looked."""
    then = store.get_next_run_time()
    assert then is not None
    assert store._tick is not None
    return round((then - store._tick).total_seconds() * SECOND)


def crowded(clock: FakeClock, size: int, instant: Instant) -> HeapStore:
    store = HeapStore(clock)
    store._scheduler = None
    for n in range(size):
        store.put(f"t{n}", at(instant), clock.now())
    return store


def test_as_many_as_can_be_written_in_time_come_a_moment_before_their_instant() -> None:
    clock = FakeClock(START)
    instant = clock.now() + SECOND // 2
    store = crowded(clock, CROWD, instant)
    assert tick(store) == []
    assert wait(store) == instant - LEAD - clock.now()
    clock.advance(0.5 - LEAD / SECOND)
    due = tick(store)
    assert {(one.instant, one.until) for one in due} == {(instant, instant)}
    assert len({one.task_id for one in due}) == CROWD


def test_a_crowd_is_begun_earlier_and_its_last_ones_come_a_moment_before_their_instant() -> None:
    clock = FakeClock(START)
    more = 500
    instant = clock.now() + SECOND
    store = crowded(clock, CROWD + more, instant)
    assert tick(store) == []
    assert wait(store) == instant - LEAD - more * EACH_MORE - clock.now()
    clock.advance(wait(store) / SECOND)
    early = tick(store)
    assert len(early) == more
    assert tick(store) == []
    assert wait(store) == instant - LEAD - clock.now()
    clock.advance(wait(store) / SECOND)
    last = tick(store)
    assert len({one.task_id for one in early + last}) == CROWD + more == len(early + last)


def test_no_crowd_is_begun_earlier_than_that() -> None:
    clock = FakeClock(START)
    instant = clock.now() + MINUTE
    store = crowded(clock, 12_000, instant)
    clock.advance(60 - LONGEST_LEAD / SECOND - 0.001)
    assert tick(store) == []
    clock.advance(0.001)
    early: list[DueTask] = []
    while due := tick(store):
        early += due
    assert len(early) == (LONGEST_LEAD - LEAD) // EACH_MORE
    assert max(one.until for one in early) <= clock.now() + LONGEST_LEAD
    while (left := instant - clock.now()) > 0:
        clock.advance(min(wait(store), left) / SECOND)
        early += tick(store)
    assert len({one.task_id for one in early}) == 12_000 == len(early)


def test_every_instant_is_handed_over_once_however_the_ticks_fall() -> None:
    rng = random.Random(7)
    clock = FakeClock(START)
    begin = clock.now()
    store = HeapStore(clock)
    store._scheduler = None
    rules = {f"s{n}": {"seconds": 1 + n % 3 / 10} for n in range(300)}
    rules |= {f"m{n}": {"seconds": 10} for n in range(2_000)}
    held = {name: triggers.parse("interval", rule, anchor=begin) for name, rule in rules.items()}
    for name, trigger in held.items():
        store.put(name, trigger, begin)
    reached = dict.fromkeys(held, begin)
    while clock.now() < begin + 31 * SECOND:
        clock.advance(rng.choice([0.001, 0.04, 0.3, 1.0, 2.5]))
        for one in tick(store):
            assert one.until <= clock.now() + LONGEST_LEAD
            following = held[one.task_id].next_after(reached[one.task_id])
            assert following is not None, "nothing was left out"
            if one.instant is None:
                last = held[one.task_id].last_before(one.until)
                assert last is not None, "several are more than one"
                assert last > following
                reached[one.task_id] = last
            else:
                assert one.instant == following
                reached[one.task_id] = following
    for name, trigger in held.items():
        missing = trigger.next_after(reached[name])
        assert missing is not None, "it goes on for ever"
        assert missing > clock.now()
