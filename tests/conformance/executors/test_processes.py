"""What the processes' executor goes through beside the common suite: crashes and descendants."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from rota.core.outcome import OutcomeKind
from tests.conformance.executors import hardships
from tests.conformance.executors.conftest import PROJECT, started
from tests.conformance.executors.harness import Rig, Ticket, capturing, until

SCRIPT = """
import sys, threading
from tests.conformance.executors import hardships, tasks
from tests.conformance.executors.conftest import PROJECT, started
from tests.conformance.executors.harness import until
from rota.executors.processes.executor import ProcessExecutor

with started(ProcessExecutor(1, project=PROJECT), "processes") as rig:
    ticket = rig.begin(getattr(hardships, sys.argv[1]))
    until(lambda: ticket.checkpoints)
    print(ticket.checkpoints[0], flush=True)
    threading.Event().wait()
"""


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids(ticket: Ticket) -> list[int]:
    until(lambda: ticket.checkpoints)
    found: list[int] = ticket.checkpoints[0]
    return found


def test_a_worker_is_kept_for_the_next_call(processes: Rig) -> None:
    first = processes.begin(hardships.own_pids).result()
    assert processes.begin(hardships.own_pids).result() == first
    assert first[0] != os.getpid()


def test_the_coroutines_of_a_worker_share_one_loop(processes: Rig) -> None:
    first = processes.begin(hardships.meet_on_one_loop).result()
    assert processes.begin(hardships.meet_on_one_loop).result() == first
    assert processes.begin(hardships.disguised).result() == "MainThread"
    assert processes.begin(hardships.meet_on_one_loop).result() == first


@pytest.mark.parametrize(
    ("task", "args", "words"),
    [
        (hardships.crash, (), "its worker process was killed by SIGSEGV"),
        (hardships.exit_at_once, (3,), "its worker process exited with code 3"),
        (hardships.exit_at_once, (0,), "its worker process exited with code 0"),
        (
            hardships.kill_oneself,
            (),
            "its worker process was killed by SIGKILL, perhaps because memory ran out",
        ),
    ],
)
def test_the_reason_of_a_crash_names_its_signal(
    processes: Rig, task: Any, args: Any, words: str
) -> None:
    outcome = processes.run(task, *args)
    assert (outcome.kind, outcome.error) == (OutcomeKind.CRASHED, words)
    assert processes.begin("add", 1).result() == 1


def test_the_place_of_a_crash_is_in_the_log(processes: Rig) -> None:
    ticket = processes.begin(hardships.crash)
    ticket.outcome()
    assert any("in crash" in text for text in ticket.texts("STDERR"))


@pytest.mark.parametrize("which", [0, 1], ids=["worker", "guardian"])
def test_a_worker_killed_from_outside_is_replaced(processes: Rig, which: int) -> None:
    idle = processes.begin(hardships.own_pids).result()
    busy = processes.begin("obey")
    busy.wait_begun()
    os.kill(idle[which], signal.SIGKILL)
    assert busy.outcome().kind is OutcomeKind.CRASHED
    assert processes.begin(hardships.own_pids).result() != idle
    until(lambda: all(gone(pid) for pid in idle))


def test_a_worker_that_died_idle_is_no_crash_of_the_next_call(processes: Rig) -> None:
    for _ in range(3):
        os.kill(processes.begin(hardships.own_pids).result()[0], signal.SIGKILL)
        assert processes.begin("add", 1).result() == 1


def test_stop_kills_every_descendant(processes: Rig) -> None:
    ticket = processes.begin(hardships.have_descendants)
    family = pids(ticket)
    processes.executor.stop(ticket.call)
    assert ticket.outcome().kind is OutcomeKind.CANCELLED
    assert len(family) == 4
    assert all(gone(pid) for pid in family)  # at once: its end is reported after theirs


def test_abandoning_kills_every_descendant(processes: Rig) -> None:
    ticket = processes.begin(hardships.have_descendants)
    family = pids(ticket)
    processes.executor.abandon(ticket.call)
    assert processes.begin("add", 1).result() == 1
    until(lambda: all(gone(pid) for pid in family))
    until(lambda: not processes.executor.stuck())


def test_a_crash_leaves_no_descendant(processes: Rig) -> None:
    ticket = processes.begin(hardships.leave_descendant)
    assert ticket.outcome().kind is OutcomeKind.CRASHED
    assert gone(pids(ticket)[0])


def test_shutdown_leaves_no_descendant(processes: Rig) -> None:
    family = pids(processes.begin(hardships.have_descendants))
    processes.executor.shutdown()
    assert all(gone(pid) for pid in family)


@pytest.mark.parametrize("task", ["have_descendants", "leave_descendant"])
def test_no_worker_process_outlives_a_killed_node(task: str) -> None:
    command = [sys.executable, "-c", SCRIPT, task]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as parent:
        assert parent.stdout is not None
        family = json.loads(parent.stdout.readline())
        workers = [process.pid for process in psutil.Process(parent.pid).children(recursive=True)]
        parent.kill()
    until(lambda: all(gone(pid) for pid in [*family, *workers]))


def test_what_holds_the_interpreter_lock_is_killed_in_time(processes: Rig) -> None:
    ticket = processes.begin(hardships.match_forever)
    ticket.wait_begun()
    processes.executor.stop(ticket.call)
    assert ticket.outcome().kind is OutcomeKind.CANCELLED


def test_what_is_written_below_python_is_captured(processes: Rig) -> None:
    ticket = processes.begin(hardships.speak_below_python)
    ticket.result()
    assert ticket.texts("STDOUT") == ["naïve", "unfinishedbytes"]
    assert ticket.texts("STDERR") == ["from a child"]


def test_what_it_logs_reaches_the_loggers_here_once(
    processes: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    with capturing():
        ticket = processes.begin(hardships.log_here)
        ticket.result()
    assert ticket.logs == [("WARNING", "tests.elsewhere", "heard at home")]
    assert caplog.record_tuples == [("tests.elsewhere", logging.WARNING, "heard at home")]


def test_what_it_prints_reaches_our_output(
    processes: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    processes.begin("speak", "w", 1).result()
    assert capsys.readouterr() == ("w printed 0\nw unfinished\n", "w complained\n")


def test_standard_input_is_empty(processes: Rig) -> None:
    assert processes.begin(hardships.read_input).result() == ""


def test_arguments_that_json_cannot_hold_are_a_failure(processes: Rig) -> None:
    outcome = processes.run("add", object())
    assert outcome.kind is OutcomeKind.FAILED
    assert "cannot be sent" in str(outcome.error)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such_module:f", "ModuleNotFoundError"),
        ("json:no_such_function", "no_such_function"),
        (f"{__name__}:f.<locals>.g", "AttributeError"),
    ],
)
def test_a_function_that_is_not_there_is_a_failure(processes: Rig, path: str, words: str) -> None:
    outcome = processes.run("nothing", func_path=path, file=None)
    assert outcome.kind is OutcomeKind.FAILED
    assert words in str(outcome.error)


def test_a_changed_task_file_is_imported_afresh(tmp_path: Path) -> None:
    from rota.executors.processes.executor import ProcessExecutor

    file = tmp_path / "changing.py"
    with started(ProcessExecutor(1, project=tmp_path), "processes") as rig:

        def version() -> Any:
            return rig.begin("nothing", func_path="changing:f", file=str(file)).result()

        file.write_text("import os\ndef f(): return [1, os.getpid()]")
        first = version()
        assert version() == first
        file.write_text("import os\ndef f(): return [2, os.getpid()]")
        os.utime(file, (1, 1))
        second = version()
        assert (first[0], second[0]) == (1, 2)
        assert first[1] != second[1]
