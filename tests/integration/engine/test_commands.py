"""Programs as tasks: their output, their end, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

import rota
from rota.config.sections import ManagerSection
from rota.core.run import Run, State
from rota.core.task import ExecutorName
from rota.definitions.define import define_entry
from rota.errors import CommandError, DefinitionError
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness, eventually

SOON: Any = {"run_date": "2090-01-01", "max_retries": 0}
FAMILY = (  # one that is deaf, one in a session of its own, and one whose parent has gone
    "trap '' TERM; setsid sleep {n} & (setsid sh -c 'sleep {n}' &);"
    " echo begun; sleep {n}; sleep {n}"
)


def sleepers(seconds: int) -> list[int]:
    words = ["sleep", str(seconds)]
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == words]


def logged(rig: Harness, run_id: str) -> list[tuple[str, str]]:
    return [(line.level, line.text) for line in rig.manager.history.logs(run_id)]


def made(rig: Harness, func: Any, **options: Any) -> Run:
    rig.manager.add_task(func, "date", "it", **{**SOON, **options})
    rig.manager.run_task("it")
    return rig.ended("it")[0]


def begun(rig: Harness, func: Any, **options: Any) -> str:
    rig.manager.add_task(func, "date", "it", **{**SOON, **options})
    run_id = rig.manager.run_task("it")
    eventually(lambda: logged(rig, run_id))
    return run_id


def test_output_is_the_log_line_by_line(tmp_path: Path) -> None:
    line = "echo one; echo two >&2; printf 'three\\nfour'; cat"
    with Harness(tmp_path) as rig:
        run = made(rig, rota.command(["sh", "-c", line]))
        assert (run.state, run.result) == (State.SUCCEEDED, None)
        lines = logged(rig, run.id)
        assert [text for level, text in lines if level == "STDOUT"] == ["one", "three", "four"]
        assert [text for level, text in lines if level == "STDERR"] == ["two"]


def test_the_exit_code_decides(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        for id, line, codes, state, why in (
            ("good", "exit 0", [0], State.SUCCEEDED, ""),
            (
                "bad",
                "echo lost >&2; exit 3",
                [0],
                State.FAILED,
                "`echo lost >&2; exit 3` ended with exit code 3. It wrote",
            ),
            ("well", "exit 3", [0, 3], State.SUCCEEDED, ""),
            (
                "killed",
                "kill -SEGV $$",
                [0],
                State.FAILED,
                "`kill -SEGV $$` was killed by SIGSEGV.",
            ),
        ):
            rig.manager.add_task(rota.command(line, codes=codes), "date", id, **SOON)
            rig.manager.run_task(id)
            [run] = rig.ended(id)
            assert run.state is state
            assert why in run.reason
        assert "at last: lost" in rig.ended("bad")[0].reason


def test_a_failed_command_is_retried_like_any_task(tmp_path: Path) -> None:
    line = f"test -e {tmp_path}/there || {{ touch {tmp_path}/there; exit 1; }}"
    with Harness(tmp_path) as rig:
        run = made(rig, rota.command(line), max_retries=1, retry_delay=0)
        assert (run.state, run.attempt) == (State.SUCCEEDED, 2)


def test_what_cannot_be_run_says_why(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        run = made(rig, rota.command(["no-such-program"]))
        assert run.reason.startswith("CommandError: no-such-program cannot be run: No such file")


def test_environment_and_directory_are_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCORE_SECRET_KEY", "s3cret")
    monkeypatch.setenv("COLOUR", "red")
    line = 'echo "$XCORE_SECRET_KEY|$COLOUR|$SIZE|$PWD"'
    with Harness(tmp_path) as rig:
        run = made(rig, rota.command(line, env={"SIZE": "5"}, cwd=tmp_path))
        assert logged(rig, run.id) == [("STDOUT", f"|red|5|{tmp_path.resolve()}")]


def test_a_cancelled_one_ends_with_all_that_it_started(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        run_id = begun(rig, rota.command(FAMILY.format(n=70_001)))
        eventually(lambda: len(sleepers(70_001)) == 3)
        rig.manager.cancel_run(run_id)
        [run] = rig.ended("it")
        assert run.state is State.CANCELLED
        assert sleepers(70_001) == []


def test_a_command_that_ends_on_the_signal_gets_time_to_end(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        line = "trap 'echo tidied; exit 5' TERM; echo begun; while :; do sleep 0.01; done"
        run_id = begun(rig, rota.command(line))
        rig.manager.cancel_run(run_id)
        [run] = rig.ended("it")
        assert run.state is State.CANCELLED
        assert ("STDOUT", "tidied") in logged(rig, run_id)


def test_a_timeout_ends_a_command_and_frees_its_thread(tmp_path: Path) -> None:
    with Harness(tmp_path, clock=SystemClock(), scheduler_thread_pool=1) as rig:
        run_id = begun(rig, rota.command(FAMILY.format(n=70_002)), timeout=1)
        [run] = rig.ended("it")
        assert (run.id, run.state) == (run_id, State.FAILED)
        assert "timed out after 1 s" in run.reason
        eventually(lambda: not sleepers(70_002))
        eventually(lambda: not rig.manager.services.engine.stuck_places())
        rig.manager.add_task(rota.command(["true"]), "date", "next", **SOON)
        rig.manager.run_task("next")
        assert rig.ended("next")[0].state is State.SUCCEEDED


def test_what_it_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        assert made(rig, rota.command("sleep 70003 & exit 0")).state is State.SUCCEEDED
        assert sleepers(70_003) == []


def test_a_shutdown_leaves_nothing(tmp_path: Path) -> None:
    with Harness(tmp_path) as rig:
        begun(rig, rota.command(FAMILY.format(n=70_004)))
    eventually(lambda: not sleepers(70_004))


NODE = """
import time, rota
manager = rota.TaskManager()
manager.add_task(rota.command({line!r}), "date", "it", run_date="2090-01-01")
manager.start()
manager.run_task("it")
time.sleep(1000)
"""


def test_a_node_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "node.py").write_text(NODE.format(line=FAMILY.format(n=70_005)))
    node = subprocess.Popen([sys.executable, "node.py"], cwd=tmp_path)
    try:
        eventually(lambda: len(sleepers(70_005)) == 3, within=60)
        os.kill(node.pid, signal.SIGKILL)
        node.wait()
        eventually(lambda: not sleepers(70_005))
    finally:
        node.kill()


def test_many_run_beside_each_other_and_much_output_is_taken(tmp_path: Path) -> None:
    with Harness(tmp_path, scheduler_thread_pool=4) as rig:
        func = rota.command("yes 0123456789 | head -c 3000000; echo done >&2")
        rig.manager.add_task(func, "date", "it", overlap="allow", **SOON)
        rig.manager.run_many("it", [None] * 8)
        runs = rig.ended("it", 8)
        assert {run.state for run in runs} == {State.SUCCEEDED}


def test_a_command_can_be_called_outside_of_a_run(capfd: pytest.CaptureFixture[str]) -> None:
    rota.command("echo hello; echo hm >&2")()
    assert capfd.readouterr() == ("hello\n", "hm\n")
    with pytest.raises(CommandError, match="ended with exit code 7") as failed:
        rota.command("exit 7")()
    assert failed.value.code == 7
    before = threading.active_count()
    rota.command(["true"])()
    assert threading.active_count() == before


def test_a_command_can_be_the_function_of_a_definition() -> None:
    def entry(**options: Any) -> Any:
        task = {"id": "dump", "func": rota.command("pg_dump shop --password=hush | gzip > x")}
        given = {**task, "trigger": "cron", "trigger_args": {"hour": 3}, **options}
        return define_entry(given, "", ManagerSection(executor="process"))

    made = entry()
    assert made.executor is ExecutorName.THREAD
    assert made.func_path.startswith("command:pg_dump-")
    assert made.description == "pg_dump shop --password=*** | gzip > x"
    assert entry(executor="process").executor is ExecutorName.THREAD
    with pytest.raises(DefinitionError, match="a command is a process of its own"):
        entry(executor="async")
    with pytest.raises(DefinitionError, match="too many positional arguments"):
        entry(args=[1])


@pytest.mark.parametrize(
    ("words", "options", "why"),
    [
        ("", {}, "the command is empty"),
        ([], {}, "the command is empty"),
        (b"ls", {}, "bytes is no command"),
        (None, {}, "NoneType is no command"),
        (["ls", 5], {}, "int is no word of a command"),
        (["ls", "a\0"], {}, "NUL"),
        (["ls"], {"codes": ()}, "codes holds the exit codes"),
    ],
)
def test_what_is_no_command_is_refused(words: Any, options: Any, why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        rota.command(words, **options)


def test_a_path_is_a_word(tmp_path: Path) -> None:
    script = tmp_path / "it.sh"
    script.write_text("#!/bin/sh\ntouch $1\n")
    script.chmod(0o755)
    rota.command([script, tmp_path / "made"])()
    assert (tmp_path / "made").exists()
