"""`current_run()` and what can be said with it, without an executor."""

from __future__ import annotations

from contextvars import Context
from datetime import UTC, datetime
from typing import Any

import pytest

from rota.core.ports.executor import AttemptSpec
from rota.errors import NotRunningError
from rota.task_api.current_run import (
    CurrentRun,
    Lines,
    close,
    current_run,
    enter,
    record_log,
    record_output,
    request_cancel,
)


class Recorder:
    """A reporter that remembers, and may refuse."""

    def __init__(self) -> None:
        self.logs: list[tuple[str, str, str]] = []
        self.progresses: list[Any] = []
        self.checkpoints: list[Any] = []
        self.refuse: Exception | None = None

    def log(self, level: str, logger: str, text: str) -> None:
        if self.refuse:
            raise self.refuse
        self.logs.append((level, logger, text))

    def progress(self, done: float, total: float | None, note: str) -> None:
        self.progresses.append((done, total, note))

    def checkpoint(self, value: Any) -> None:
        self.checkpoints.append(value)

    def remember(self, key: str, value: Any) -> None: ...

    def moment(self, name: str) -> None: ...
    def upstream(self) -> Any: ...


@pytest.fixture
def reporter() -> Recorder:
    return Recorder()


@pytest.fixture
def run(reporter: Recorder) -> CurrentRun:
    fields: dict[str, Any] = {
        "func": print,
        "func_path": "",
        "file": None,
        "args": (),
        "kwargs": {},
    }
    return CurrentRun(
        AttemptSpec(
            run_id="R1",
            task_id="tidy",
            attempt=2,
            fire_time=1_000_000,
            checkpoint=None,
            steps={},
            reporter=reporter,
            **fields,
        )
    )


def test_the_current_run_is_found_in_the_context_that_entered_it(run: CurrentRun) -> None:
    context = Context()
    context.run(enter, run)
    assert context.run(current_run) is run
    with pytest.raises(NotRunningError, match=r"Call rota\.current_run\(\) inside a task"):
        Context().run(current_run)


def test_the_current_run_gives_its_id_task_and_attempt(run: CurrentRun) -> None:
    assert (run.id, run.task_id, run.attempt) == ("R1", "tidy", 2)
    assert run.fire_time == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert run.logger.name == "rota.task.tidy"
    assert repr(run) == "<CurrentRun R1 of 'tidy', attempt 2>"


def test_cancelled_turns_true(run: CurrentRun) -> None:
    assert not run.cancelled
    request_cancel(run)
    assert run.cancelled


@pytest.mark.parametrize(
    ("done", "total"),
    [("1", None), (None, None), (True, None), (1, "2"), (float("nan"), None), (1, float("inf"))],
)
def test_progress_must_be_numbers(
    run: CurrentRun, reporter: Recorder, done: Any, total: Any
) -> None:
    with pytest.raises(TypeError, match="number"):
        run.progress(done, total)
    assert reporter.progresses == []


def test_a_checkpoint_of_nothing_is_nothing(run: CurrentRun, reporter: Recorder) -> None:
    assert run.checkpoint() is None
    assert run.checkpoint({"a": (1,)}) == {"a": [1]}
    assert run.checkpoint(None) is None
    assert run.checkpoint() is None
    assert reporter.checkpoints == [{"a": [1]}, None]


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), {"a": b"b"}])
def test_a_checkpoint_must_be_json(run: CurrentRun, value: Any) -> None:
    with pytest.raises(TypeError, match="Store numbers, texts, lists and dicts"):
        run.checkpoint(value)


def test_a_run_records_nothing_after_its_end(run: CurrentRun, reporter: Recorder) -> None:
    close(run)
    run.progress(1)
    record_log(run, "INFO", "a", "late")
    record_output(run, "STDOUT", "late\n")
    with pytest.raises(NotRunningError, match="has ended for rota"):
        run.checkpoint(1)
    assert (reporter.logs, reporter.progresses, reporter.checkpoints) == ([], [], [])


def test_a_failing_reporter_disturbs_no_other(run: CurrentRun, reporter: Recorder) -> None:
    reporter.refuse = OSError("away")
    record_log(run, "INFO", "a", "lost")
    reporter.refuse = None
    record_log(run, "INFO", "a", "kept \udc80")
    assert reporter.logs == [("INFO", "a", r"kept \udc80")]


def test_lines_are_passed_on_when_they_are_complete(run: CurrentRun, reporter: Recorder) -> None:
    for piece in ("a", "b\nc", "\n", "\n", "d"):
        record_output(run, "STDOUT", piece)
    record_output(run, "STDERR", "e")
    whole = [("STDOUT", "", text) for text in ("ab", "c", "")]
    assert reporter.logs == whole
    close(run)
    assert reporter.logs == [*whole, ("STDOUT", "", "d"), ("STDERR", "", "e")]


def test_only_the_last_state_of_a_progress_bar_is_kept() -> None:
    lines = Lines()
    assert lines.feed("10 %\r50 %\r100 %\r\n") == ["100 %"]


def test_a_line_without_end_is_cut() -> None:
    lines = Lines()
    cut = [line for _ in range(40) for line in lines.feed("x" * 4096)]
    assert [len(line) for line in cut] == [69_632, 69_632]
    assert len(lines.rest()[0]) == 40 * 4096 - 2 * 69_632
    assert lines.rest() == []
