"""Each kind of trigger is planned like any other: on time, after a downtime, around a pause.

The rows are compared with a predicate of each second, and the record with its own rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rota import triggers
from rota.core.ports.records import RunFilter
from rota.core.time import SECOND, Instant, from_datetime, to_datetime
from rota.testing import FakeClock
from tests.property.planning.test_derived import START, Node, empty_ledger, work

Named = Callable[[datetime], bool]
CRON: dict[str, Any] = {"trigger": "cron"}

KINDS: list[tuple[str, dict[str, Any], Named]] = [
    (
        "any",
        {"of": [{**CRON, "second": "*/7"}, {"every": "10 seconds, counted from 1970-01-01 00:00"}]},
        lambda at: at.second % 7 == 0 or at.second % 10 == 0,
    ),
    (
        "any",
        {
            "of": [{**CRON, "second": "*/7"}, {**CRON, "second": "*/14"}],
            "except": [{**CRON, "second": "14,21"}],
        },
        lambda at: at.second % 7 == 0 and at.second not in (14, 21),
    ),
    (
        "interval",
        {
            "seconds": 3,
            "start_date": "1970-01-01",
            "except": [{**CRON, "minute": "*/2", "second": "*"}],
        },
        lambda at: at.second % 3 == 0 and at.minute % 2 == 1,
    ),
    ("every", {"text": "20 seconds, UTC"}, lambda at: at.second % 20 == 0),
    (
        "every",
        {"text": "15 seconds, counted from 2023-12-31 23:49:50, until 2024-01-01 00:03:05, UTC"},
        lambda at: at.second % 15 == 5 and (at.hour, at.minute, at.second) <= (0, 3, 5),
    ),
    (
        "rrule",
        {"rrule": "FREQ=SECONDLY;INTERVAL=11", "dtstart": "2023-12-31 23:49:58"},
        lambda at: (round(at.timestamp()) - 1_704_066_598) % 11 == 0,
    ),
    (
        "rrule",
        {
            "rrule": "FREQ=MINUTELY;BYSECOND=5,25,45",
            "dtstart": "2024-01-01",
            "exdate": ["2024-01-01 00:01:25"],
        },
        lambda at: at.second in (5, 25, 45) and (at.minute, at.second) != (1, 25),
    ),
]


@contextmanager
def planned(directory: Path, clock: FakeClock, kind: str, args: dict[str, Any]) -> Iterator[Node]:
    """Yield a node with the task; it plans when it is asked to."""
    node = Node(directory, clock, "allow", 30)
    node.manager.add_task(work, kind, "kind", overlap="allow", catchup="all", **args)
    yield node


def rows(node: Node) -> list[Instant]:
    page = node.manager.history.runs(RunFilter(task_id="kind"), limit=100_000, newest_first=False)
    return [run.fire_time for run in page.runs if run.fire_time is not None]


@pytest.mark.parametrize(("kind", "args", "named"), KINDS)
def test_each_instant_has_its_row_and_no_other_has(
    tmp_path: Path, kind: str, args: dict[str, Any], named: Named
) -> None:
    (tmp_path / "rota.db").write_bytes(empty_ledger())
    clock, wanted, looked = FakeClock(START), list[Instant](), [from_datetime(START)]
    is_paused = False

    def pass_time(span: int) -> None:
        clock.advance(span)
        first = looked[-1] // SECOND + 1
        for second in range(first, clock.now() // SECOND + 1):
            if not is_paused and named(datetime.fromtimestamp(second, UTC)):
                wanted.append(second * SECOND)
        looked.append(clock.now())

    with asyncio.Runner() as runner:
        for _ in range(2):  # a downtime lies between the two
            with planned(tmp_path, clock, kind, args) as node:
                runner.run(node.begin())
                for span in (1, 2, 3, 20, 7, 40):
                    pass_time(span)
                    runner.run(node.look())
                node.manager.pause_task("kind")
                runner.run(node.engine.change_poller.refresh())
                is_paused = True
                pass_time(33)
                runner.run(node.look())
                node.manager.resume_task("kind")
                runner.run(node.engine.change_poller.refresh())
                is_paused = False
                pass_time(5)
                runner.run(node.look())
                now = clock.now()
                assert [one for one in rows(node) if one <= now] == wanted
                findings = node.manager.verify(since=to_datetime(from_datetime(START)))
                assert [one for one in findings if one.task_id == "kind"] == []
                runner.run(node.end())
            pass_time(31)
    assert len(wanted) > 5


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("sun", {"event": "sunrise", "latitude": 69.65, "longitude": 18.96}),
        ("cron", {"crontab": "H H(1-5) 15W,L-3 * *"}),
        ("every", {"text": "last friday of the month at 17:00"}),
    ],
)
def test_rare_instants_have_their_rows_after_months(
    tmp_path: Path, kind: str, args: dict[str, Any]
) -> None:
    """January is a polar night in Tromsø; its first sunrise has a row like any other."""
    (tmp_path / "rota.db").write_bytes(empty_ledger())
    clock = FakeClock(START)
    rule = triggers.parse(kind, args, task_id="kind")
    with asyncio.Runner() as runner:
        for _ in range(2):
            with planned(tmp_path, clock, kind, {**args, "catchup_window": 1e8}) as node:
                runner.run(node.begin())
                runner.run(node.look())
                clock.advance(40 * 86_400)
                runner.run(node.look())
                runner.run(node.end())
        with planned(tmp_path, clock, kind, {**args, "catchup_window": 1e8}) as node:
            runner.run(node.begin())
            runner.run(node.look())
            wanted = triggers.between(rule, from_datetime(START), clock.now(), 10_000)
            assert rows(node) == wanted and len(wanted) > 1
            assert [one for one in node.manager.verify() if one.task_id == "kind"] == []
            runner.run(node.end())
