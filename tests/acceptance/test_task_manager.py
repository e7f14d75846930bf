"""What section 3 of the contract promises of `TaskManager`, each in a few lines of use."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from datetime import UTC, datetime

import pytest

from manager import Manager
from manager.task.taskmanager import TaskManager
from rota.core.run import State
from rota.errors import DefinitionError, StateError, TaskLimitError, UnknownTaskError
from tests.acceptance.conftest import Make
from tests.acceptance.project import wait_until

REGISTERED_AS_IN_THE_DOCUMENT = """
async def work():
    return "worked"

TASK_DEFINITIONS = [
    {"id": "off", "name": "Off", "func": work, "trigger": "interval",
     "trigger_args": {"hours": 1}, "enabled": False},
    {"id": "broken", "name": "Broken", "func": work, "trigger": "interval",
     "trigger_args": {"ours": 1}},
    {"id": "on", "name": "On", "func": work, "trigger": "interval",
     "trigger_args": {"hours": 1}},
]

refused = []

def register_tasks(task_manager):
    for task_def in TASK_DEFINITIONS:
        try:
            task_manager.add_task(
                func=task_def["func"], trigger=task_def["trigger"], id=task_def["id"],
                **task_def["trigger_args"],
            )
        except Exception as error:
            refused.append(str(error))
"""


async def answer() -> str:
    """A coroutine that really has to be awaited."""
    await asyncio.sleep(0)
    return "answered"


def outcome(task_manager: TaskManager, run_id: str) -> tuple[State, object]:
    """Wait for the end of a run and return its state and its result."""
    wait_until(lambda: task_manager.get_run(run_id).finished_at, "the run has ended")
    run = task_manager.get_run(run_id)
    return run.state, run.result


# --- start and shutdown -------------------------------------------------------------------------


def test_start_from_a_script_returns_at_once(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(answer, "interval", "before", hours=1)
    began = time.monotonic()
    task_manager.start()
    task_manager.start()  # safe twice
    assert time.monotonic() - began < 5
    task_manager.add_task(answer, "interval", "after", hours=1)
    for task_id in ("before", "after"):
        run_id = task_manager.run_task(task_id)
        assert outcome(task_manager, run_id) == (State.SUCCEEDED, "answered")
    assert task_manager.shutdown()
    assert task_manager.shutdown()  # safe twice
    assert not task_manager.running


def test_start_from_a_running_event_loop(make: Make) -> None:
    async def application() -> tuple[State, object]:
        task_manager = make()
        task_manager.start()
        task_manager.add_task(answer, "interval", "answer", hours=1)
        run_id = task_manager.run_task("answer")
        ended = await asyncio.to_thread(outcome, task_manager, run_id)
        assert await asyncio.to_thread(task_manager.shutdown)
        return ended

    assert asyncio.run(application()) == (State.SUCCEEDED, "answered")


def test_a_loop_that_was_lent_and_has_ended_is_not_used_again(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(answer, "interval", "answer", hours=1)

    async def application() -> None:
        task_manager.start(loop=asyncio.get_running_loop())
        await asyncio.to_thread(task_manager.shutdown)

    asyncio.run(application())
    task_manager.start()
    run_id = task_manager.run_task("answer")
    assert outcome(task_manager, run_id) == (State.SUCCEEDED, "answered")


def test_start_again_after_shutdown(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(answer, "interval", "answer", hours=1)
    for _ in range(2):
        task_manager.start()
        run_id = task_manager.run_task("answer")
        assert outcome(task_manager, run_id) == (State.SUCCEEDED, "answered")
        assert task_manager.shutdown()


def invoice() -> None:
    """Be one of two with the same id."""


def test_two_functions_of_one_file_cannot_have_one_id(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(answer, "interval", "mail", hours=1)
    with pytest.raises(StateError, match="mail"):
        task_manager.add_task(invoice, "interval", "mail", hours=1)
    task_manager.add_task(answer, "interval", "mail", hours=2)  # the same one anew
    assert [task.func_path.rpartition(":")[2] for task in task_manager.list_tasks()] == ["answer"]


def test_a_task_may_shut_its_own_scheduler_down(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(lambda: task_manager.shutdown(), "interval", "last", hours=1)
    task_manager.start()
    task_manager.run_task("last")
    wait_until(lambda: not task_manager.running, "the scheduler has stopped")
    wait_until(lambda: len(list(task_manager.runs())) == 1, "the ledger is opened again")
    assert [task.id for task in task_manager.list_tasks()] == ["last"]


def test_the_process_wide_face_is_the_one_that_started(make: Make) -> None:
    task_manager = make()
    task_manager.start()
    assert Manager.task_manager is task_manager
    Manager.add_task(answer, "interval", "answer", hours=1)
    assert [task.id for task in Manager.list_tasks()] == ["answer"]
    assert Manager.get_task("answer") == task_manager.get_task("answer")
    with pytest.raises(AttributeError):
        Manager.no_such_verb()


# --- tasks --------------------------------------------------------------------------------------


def test_a_task_shows_what_the_contract_lists(make: Make) -> None:
    task_manager = make()
    added = task_manager.add_task(
        answer, "cron", "answer", hour=9, name="Answer", max_retries=5, timeout=60
    )
    assert added == task_manager.get_task("answer")
    assert (added.id, added.name, added.trigger) == ("answer", "Answer", "cron")
    assert added.trigger_args == {"hour": 9}
    assert added.func_path.endswith(":answer")
    assert (added.enabled, added.max_retries, added.timeout) == (True, 5, 60)
    assert added.last_run is None
    assert added.next_run is not None
    assert added.next_run > datetime.now(UTC)
    assert f"{added.status}" == "scheduled"


def test_pause_resume_and_remove(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(answer, "interval", "answer", hours=1)
    task_manager.pause_task("answer")
    assert [str(task.status) for task in task_manager.list_tasks()] == ["paused"]
    task_manager.resume_task("answer")
    assert [str(task.status) for task in task_manager.list_tasks()] == ["scheduled"]
    task_manager.remove_task("answer")
    assert task_manager.get_task("answer") is None
    assert task_manager.list_tasks() == []
    with pytest.raises(UnknownTaskError):
        task_manager.pause_task("answer")


def test_a_disabled_task_stays_off_and_a_bad_one_stops_no_other(make: Make) -> None:
    task_manager = make()
    directory = task_manager.services.project / "backgroundtask"
    directory.mkdir()
    (directory / "taskplugins.py").write_text(REGISTERED_AS_IN_THE_DOCUMENT)
    [error] = task_manager.discover().errors
    assert "Did you mean 'hours'?" in str(error)
    [file] = task_manager.discover().files
    assert file.module is not None
    file.module.register_tasks(task_manager)
    [refused] = file.module.refused
    assert "ours" in refused
    assert {task.id: task.enabled for task in task_manager.list_tasks()} == {
        "off": False,
        "on": True,
    }
    task_manager.start()
    assert outcome(task_manager, task_manager.run_task("off")) == (State.SUCCEEDED, "worked")


def test_one_task_too_many_names_the_key(make: Make) -> None:
    task_manager = make(manager={"max_tasks": 1})
    task_manager.add_task(answer, "interval", "first", hours=1)
    task_manager.add_task(answer, "interval", "first", hours=2)  # replaces, adds none
    with pytest.raises(TaskLimitError, match=r"manager\.max_tasks"):
        task_manager.add_task(answer, "interval", "second", hours=1)


def test_an_unknown_option_suggests_the_nearest(make: Make) -> None:
    with pytest.raises(DefinitionError, match=r"Did you mean 'max_retries'\?"):
        make().add_task(answer, "interval", "answer", hours=1, max_retry=3)


# --- runs ---------------------------------------------------------------------------------------


def test_exceptions_never_stop_the_scheduler(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    goes_on = threading.Semaphore(0)

    def fail() -> None:
        raise ValueError("no such file")

    class Harder(BaseException):
        """What only the careless catch."""

    async def fail_harder() -> None:
        raise Harder

    async def go_on() -> None:
        goes_on.release()

    task_manager = make()
    options = {"seconds": 1, "max_retries": 1, "retry_delay": 0, "overlap": "allow"}
    with caplog.at_level(logging.INFO):
        task_manager.add_task(fail, "interval", "fails", **options)
        task_manager.add_task(fail_harder, "interval", "fails_harder", **options)
        task_manager.start()
        wait_until(lambda: ended(task_manager, "fails", State.FAILED) >= 2, "it failed twice")
        wait_until(lambda: ended(task_manager, "fails_harder", State.FAILED) >= 2, "so did this")
        task_manager.add_task(go_on, "interval", "goes_on", seconds=1)
        assert goes_on.acquire(timeout=90)
    failed = next(
        run
        for run in task_manager.history.runs().runs
        if run.task_id == "fails" and run.state is State.FAILED
    )
    assert (failed.attempt, failed.reason) == (2, "ValueError: no such file")
    attempts = task_manager.history.attempts(failed.id)
    assert all('raise ValueError("no such file")' in str(one.traceback) for one in attempts)
    tracebacks = [record.exc_text or record.getMessage() for record in caplog.records]
    assert any("ValueError: no such file" in text for text in tracebacks)


def ended(task_manager: TaskManager, task_id: str, state: State) -> int:
    """Count the runs of a task that ended so."""
    runs = task_manager.history.runs().runs
    return sum(run.task_id == task_id and run.state is state for run in runs)
