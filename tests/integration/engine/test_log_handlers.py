"""Log handlers, filters and record factories that raise, wait or hang stop nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rota.runtime import log_queue
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

GRACE = 1.0


class Handler(logging.Handler):
    """Does one thing for each record."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__()
        self._do = do

    def emit(self, record: logging.LogRecord) -> None:
        self._do()


@contextmanager
def at_the_root(handler: logging.Handler) -> Iterator[None]:
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


@contextmanager
def raising(harness: Harness) -> Iterator[None]:
    def fail() -> None:
        raise ValueError("a handler of the user's")

    with at_the_root(Handler(fail)):
        yield


@contextmanager
def removed_directory(harness: Harness) -> Iterator[None]:
    place = harness.manager.services.project / "logs"
    place.mkdir()
    handler = logging.FileHandler(place / "a.log", delay=True)
    place.rmdir()
    with at_the_root(handler):
        yield


@contextmanager
def request_filter(harness: Harness) -> Iterator[None]:
    handler = Handler(lambda: None)
    handler.addFilter(lambda record: record.request.user)  # type: ignore[attr-defined]
    with at_the_root(handler):
        yield


@contextmanager
def record_factory(harness: Harness) -> Iterator[None]:
    def fail(*args: object, **others: object) -> logging.LogRecord:
        raise RuntimeError("no record")

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(fail)
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)


@contextmanager
def listing(harness: Harness) -> Iterator[None]:
    with at_the_root(Handler(harness.manager.list_tasks)):
        yield


@contextmanager
def sleeping(harness: Harness) -> Iterator[None]:
    awake = threading.Event()
    with at_the_root(Handler(lambda: awake.wait(2))):
        try:
            yield
        finally:
            awake.set()


@contextmanager
def hanging(harness: Harness) -> Iterator[None]:
    awake = threading.Event()
    with at_the_root(Handler(awake.wait)):
        try:
            yield
        finally:
            awake.set()


ATTACKS = [raising, removed_directory, request_filter, record_factory, listing, sleeping, hanging]
DROPPING = ATTACKS[:4]


@pytest.fixture(autouse=True)
def everything_is_logged() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    log_queue.queued("rota.test").error("so that the next test begins in good order")
    log_queue.flush(30)


def tick() -> None:
    pass


async def tock() -> None:
    pass


def fail() -> None:
    raise ValueError("a mistake")


def make(directory: Path) -> Harness:
    harness = Harness(directory, SystemClock(), shutdown_grace=GRACE)
    for function in (tick, tock, fail):
        harness.manager.add_task(
            function, "interval", function.__name__, seconds=0.1, max_retries=0
        )
    return harness


def ended(harness: Harness, task_id: str) -> int:
    return len([run for run in harness.runs(task_id) if run.finished_at])


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_handlers_do_all_goes_on(
    attack: Callable[[Harness], object], tmp_path: Path
) -> None:
    harness = make(tmp_path)
    with attack(harness):  # type: ignore[attr-defined]
        harness.manager.start()
        try:
            for task_id in ("tick", "tock", "fail"):
                so_far = ended(harness, task_id)
                eventually(lambda: ended(harness, task_id) >= so_far + 3)  # noqa: B023
            if attack in DROPPING:
                reasons = eventually(lambda: harness.manager.health()["reasons"])
                assert any("log records were dropped" in one for one in reasons), reasons
        finally:
            began = time.monotonic()
            harness.manager.shutdown()
        assert time.monotonic() - began < GRACE + 2


def test_what_begins_to_raise_later_and_works_again_leaves_a_healthy_node(tmp_path: Path) -> None:
    harness = make(tmp_path)
    harness.manager.start()
    try:
        with raising(harness):
            so_far = ended(harness, "fail")
            eventually(lambda: ended(harness, "fail") >= so_far + 3)
            eventually(lambda: harness.manager.health()["status"] == "degraded")
        eventually(lambda: harness.manager.health()["status"] == "healthy")
        assert harness.manager.health()["log_records"]["lost"] > 0
    finally:
        harness.manager.shutdown()


def test_a_task_whose_log_call_raises_fails_alone(tmp_path: Path) -> None:
    harness = make(tmp_path)

    def loud() -> None:
        logging.getLogger("app").error("hear me")

    async def loud_too() -> None:
        logging.getLogger("app").error("hear me")

    for function in (loud, loud_too):
        harness.manager.add_task(
            function, "interval", function.__name__, seconds=0.1, max_retries=0
        )
    with raising(harness):
        harness.manager.start()
        try:
            for task_id in ("loud", "loud_too", "tick", "tock"):
                eventually(lambda: ended(harness, task_id) >= 3)  # noqa: B023
            first = next(run for run in harness.runs("loud") if run.finished_at)
            assert "a handler of the user's" in first.reason
        finally:
            harness.manager.shutdown()


def test_the_failure_of_a_task_is_logged_with_its_exception(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness = make(tmp_path)

    async def fail_too() -> None:
        raise KeyError("a mistake")

    harness.manager.add_task(fail_too, "interval", "fail_too", seconds=0.1, max_retries=0)
    harness.manager.start()
    try:
        eventually(lambda: ended(harness, "fail") >= 1)
        eventually(lambda: ended(harness, "fail_too") >= 1)
    finally:
        harness.manager.shutdown()
    for name, kind in (("fail", ValueError), ("fail_too", KeyError)):
        record = next(one for one in caplog.records if one.getMessage().startswith(f"{name}: "))
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], kind)
        assert "test_log_handlers.py" in logging.Formatter().format(record)
