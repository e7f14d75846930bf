"""Broken task files, in real child processes: each is said, and everything else goes on."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

import pytest

from rota.errors import DefinitionError, TaskFileError

if TYPE_CHECKING:
    from .conftest import Project

BROKEN: dict[str, tuple[str | bytes, str, str]] = {
    "a syntax error": (
        "TASK_DEFINITIONS = [\nx = (",
        "bad.py:2: importing it raised SyntaxError: '(' was never closed.",
        "Fix it",
    ),
    "an exception": (
        "TASK_DEFINITIONS = []\ndef f():\n    raise ValueError('no such shop')\nf()",
        "bad.py:3: importing it raised ValueError: no such shop.",
        "move the code that may fail into the task",
    ),
    "an exception with an endless message": (
        "TASK_DEFINITIONS = []\nraise ValueError('x' * 100_000)",
        "bad.py:2: importing it raised ValueError: xxx",
        "Fix it",
    ),
    "a mistake of rota's own": (
        "import rota\nrota.TaskManager().add_task(print, 'cron', 'x', hour=99)",
        "bad.py:2: importing it raised rota.errors.TriggerError: task 'x', hour: hour=99:",
        "Fix it",
    ),
    "a missing module": (
        "TASK_DEFINITIONS = []\nimport no_such_module",
        "bad.py:2: importing it raised ModuleNotFoundError: No module named 'no_such_module'.",
        "Install it",
    ),
    "sys.exit": (
        "import sys\nTASK_DEFINITIONS = []\nsys.exit(3)",
        "bad.py:3: importing it raised SystemExit: 3.",
        "under `if __name__ == '__main__':`",
    ),
    "os._exit": (
        "import os\nTASK_DEFINITIONS = []\nos._exit(0)",
        "bad.py:3: importing it ended the process with exit code 0.",
        "leave `os._exit` and the like out",
    ),
    "a crash of the interpreter": (
        "import ctypes\nTASK_DEFINITIONS = []\nctypes.string_at(0)",
        "bad.py:3: importing it killed the process (SIGSEGV)",
        "native module",
    ),
    "a kill": (
        "import os\nTASK_DEFINITIONS = []\nos.kill(os.getpid(), 9)",
        "bad.py: importing it killed the process (SIGKILL).",
        "native module",
    ),
    "a question to nobody": (
        "TASK_DEFINITIONS = []\ninput('Which? ')",
        "bad.py:2: importing it raised EOFError",
        "`input()` cannot work",
    ),
    "a fork that goes on": (
        "import os\nTASK_DEFINITIONS = []\nif os.fork() == 0: raise ValueError\nraise KeyError(3)",
        "bad.py:4: importing it raised KeyError: 3.",
        "Fix it",
    ),
    "no UTF-8": (
        b"# -*- coding: no-such-codec -*-\nTASK_DEFINITIONS = []",
        "bad.py: is not UTF-8 text (unknown encoding: no-such-codec).",
        "Save it as UTF-8.",
    ),
    "wrong bytes": (b"TASK_DEFINITIONS = '\xff\xfe'", "bad.py: is not UTF-8 text", "Save it"),
    "UTF-16": ("TASK_DEFINITIONS = []".encode("utf-16"), "bad.py: is not UTF-8 text", "Save it"),
    "null bytes": (b"TASK_DEFINITIONS = []\0", "null bytes", "Fix it"),
    "deep nesting": ("TASK_DEFINITIONS = " + "(" * 500 + ")" * 500, "bad.py", "Fix it"),
    "five megabytes": (b"# rota " + b"x" * 5_000_000, "bad.py: has 5 MiB.", "may have 4 MiB"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_task_file_is_reported_and_the_others_run(project: Project, kind: str) -> None:
    text, said, remedy = BROKEN[kind]
    (project.tasks / "bad.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    project.write("zebra.py", (project.tasks / "good.py").read_text().replace("good", "zebra"))
    catalogue = project.load()
    (error,) = catalogue.errors
    assert isinstance(error, TaskFileError)
    assert said in str(error)
    assert remedy in error.remedy
    assert len(str(error)) < 1_000
    assert [made.id for made in catalogue.definitions] == ["good", "zebra"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("TASK_DEFINITIONS = []\nwhile True: pass", "bad.py:2"),
        ("import time\nTASK_DEFINITIONS = []\ntime.sleep(1e6)", "bad.py:3"),
        ("import threading\nTASK_DEFINITIONS = []\nthreading.Event().wait()", "bad.py:3"),
        (
            "import os, signal\nTASK_DEFINITIONS = []\nos.kill(os.getpid(), signal.SIGSTOP)",
            "bad.py",
        ),
    ],
)
def test_an_import_that_does_not_end_is_ended(
    project: Project, text: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rota.discovery.sandbox._GRACE", 0.5)
    project.write("bad.py", text)
    catalogue = project.load(timeout=0.5)
    (error,) = catalogue.errors
    assert error.where.startswith(f"backgroundtask/{place}")
    assert error.what.startswith("importing it did not finish within 0.5 s")
    assert error.remedy == "Move slow or endless work from its top level into a task."
    assert [made.id for made in catalogue.definitions] == ["good"]


def test_the_place_of_an_import_that_hangs_in_another_module_is_reported(project: Project) -> None:
    project.write("slow.py", "x = 1\nwhile True:\n    pass")
    project.write("bad.py", "TASK_DEFINITIONS = []\nimport backgroundtask.slow")
    (error,) = project.load(timeout=0.5).errors
    assert error.where == "backgroundtask/bad.py:2"
    assert f"(it was at {project.tasks}/slow.py:" in error.what


def test_what_a_module_that_it_imports_raises_is_placed(project: Project) -> None:
    project.write("helper.py", "x = 1\nraise OSError('the shop is closed')")
    project.write("bad.py", "TASK_DEFINITIONS = []\nfrom backgroundtask import helper")
    (error,) = project.load().errors
    assert str(error).startswith(
        "backgroundtask/bad.py:2: importing it raised OSError: the shop is closed "
        f"(in {project.tasks}/helper.py:2)."
    )


def test_a_syntax_error_in_a_module_that_it_imports_is_placed(project: Project) -> None:
    project.write("helper.py", "x = 1\ny = = 2")
    project.write("bad.py", "TASK_DEFINITIONS = []\nfrom backgroundtask import helper")
    (error,) = project.load().errors
    assert error.where == "backgroundtask/bad.py:2"
    assert f"(in {project.tasks}/helper.py:2)" in error.what


def test_a_broken_package_is_reported_for_each_of_its_files(project: Project) -> None:
    project.write("shop/__init__.py", "raise RuntimeError('closed')")
    project.write("shop/prices.py", "TASK_DEFINITIONS = []")
    catalogue = project.load()
    (error,) = catalogue.errors
    assert "shop/prices.py: importing it raised RuntimeError: closed (in " in str(error)
    assert [made.id for made in catalogue.definitions] == ["good"]


def test_all_of_many_broken_files_are_reported(project: Project) -> None:
    for number in range(3):
        project.write(f"exit{number}.py", "import os\nTASK_DEFINITIONS = []\nos._exit(7)")
        project.write(f"raise{number}.py", "TASK_DEFINITIONS = []\n1 / 0")
    catalogue = project.load()
    places = sorted(error.where for error in catalogue.errors)
    assert places == [
        *(f"backgroundtask/exit{number}.py:3" for number in range(3)),
        *(f"backgroundtask/raise{number}.py:2" for number in range(3)),
    ]
    assert [made.id for made in catalogue.definitions] == ["good"]


def test_what_a_broken_file_printed_is_not_lost(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.write("bad.py", "TASK_DEFINITIONS = []\nprint('before it broke')\n1 / 0")
    project.write("loud.py", "print('all is well')\nTASK_DEFINITIONS = []")
    project.load()
    assert [record.message for record in caplog.records] == [
        "backgroundtask/bad.py wrote while it was imported:\nbefore it broke"
    ]


def test_what_an_import_starts_does_not_outlive_the_trial(project: Project) -> None:
    pid = project.root / "pid"
    project.write(
        "starts.py",
        f"""
        import os, subprocess, sys
        TASK_DEFINITIONS = []
        if os.environ.get("ROTA_PROBE"):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1e6)"])
            open({str(pid)!r}, "w").write(str(child.pid))
        """,
    )
    assert project.load().errors == []
    assert _ends(int(pid.read_text()))


def _ends(pid: int) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


def test_a_file_that_breaks_only_in_the_node_is_reported(project: Project) -> None:
    project.write(
        "bad.py",
        "import os, sys\nTASK_DEFINITIONS = []\n"
        "if 'ROTA_PROBE' not in os.environ: sys.exit('not here')",
    )
    catalogue = project.load()
    (error,) = catalogue.errors
    assert error.where == "backgroundtask/bad.py:3"
    assert "SystemExit: not here" in error.what
    assert "backgroundtask.bad" not in sys.modules
    assert [made.id for made in catalogue.definitions] == ["good"]


def test_without_a_child_the_files_are_imported_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", str(project.root / "no-python"))
    assert [made.id for made in project.load().definitions] == ["good"]
    assert "did not start" in caplog.text


@pytest.mark.parametrize("made", ["a pipe", "a dangling link", "a circular link", "unreadable"])
def test_an_unreadable_path_is_reported(project: Project, made: str) -> None:
    path = project.tasks / "bad.py"
    if made == "a pipe":
        os.mkfifo(path)
    elif made == "a dangling link":
        path.symlink_to(project.root / "nowhere.py")
    elif made == "a circular link":
        path.symlink_to(path)
    elif os.geteuid() == 0:
        pytest.skip("root may read everything")
    else:
        path.write_text("TASK_DEFINITIONS = []")
        path.chmod(0)
    catalogue = project.load()
    (error,) = catalogue.errors
    assert isinstance(error, TaskFileError)
    assert error.where == "backgroundtask/bad.py"
    assert error.remedy
    assert [made.id for made in catalogue.definitions] == ["good"]


HEAD = "async def f(): ...\nasync def g(n): ...\n"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("{}", "bad.py:3, TASK_DEFINITIONS: it is of type dict, not a list. Write [ … ]"),
        ("None", "bad.py:3, TASK_DEFINITIONS: it is of type NoneType, not a list."),
        ("[\n 7]", "bad.py:4, TASK_DEFINITIONS[0]: it is of type int, not a dict."),
        (
            "[\n {'func': f, 'trigger': 'cron', 'trigger_args': {'hour': 1}}]",
            "bad.py:4, TASK_DEFINITIONS[0], id: is missing. Give each task a unique id",
        ),
        (
            "[\n {'id': 'x', 'func': f,\n 'trigger': 'cron', 'trigger_args': {\n 'hour': 99}}]",
            "bad.py:6, task 'x', trigger_args.hour: hour=99: '99' is not in 0-23.",
        ),
        (
            "[\n {'id': 'x', 'func': f, 'trigger': 'date',\n 'trigger_args': {}}]",
            "bad.py:5, task 'x', trigger_args.run_date: A date trigger needs its run_date.",
        ),
        (
            "[\n {'id': 'x', 'func': g, 'trigger': 'interval', 'trigger_args': {'hours': 1},\n"
            " 'kwargs': {'m': 1}}]",
            "bad.py:5, task 'x', kwargs: backgroundtask.bad:g cannot be called like this: "
            "got an unexpected keyword argument 'm'; missing a required argument: 'n'. It is g(n).",
        ),
        (
            "[\n {'id': 'x', 'func': f, 'trigger': 'interval', 'trigger_args': {'hours': 1},\n"
            " 'timeout':\n -5}]",
            "bad.py:5, task 'x', timeout: -5 is out of range.",
        ),
        (
            "[\n {'id': 'good', 'func': f, 'trigger': 'cron', 'trigger_args': {'hour': 1}}]",
            "good.py:5, task 'good': the id is already used in backgroundtask/bad.py:4. "
            "Give one of the two another id.",
        ),
    ],
)
def test_a_wrong_definition_is_reported_with_its_line(
    project: Project, entries: str, said: str
) -> None:
    (project.tasks / "bad.py").write_text(f"{HEAD}TASK_DEFINITIONS = {entries}")
    catalogue = project.load()
    (error,) = catalogue.errors
    assert isinstance(error, DefinitionError)
    assert str(error).startswith(f"backgroundtask/{said}")
    assert [made.id for made in catalogue.definitions] == ["good"]


def test_a_wrong_definition_does_not_stop_those_beside_it(project: Project) -> None:
    (project.tasks / "bad.py").write_text(
        HEAD
        + "common = {'func': f, 'trigger': 'cron', 'trigger_args': {'hour': 1}}\n"
        + "TASK_DEFINITIONS = [\n"
        + "    {**common, 'id': 'one'},\n"
        + "    {**common, 'id': 'two', 'timeot': 3, 'max_retries': -1},\n"
        + "    {**common, 'id': 'one'},\n"
        + "    {**common, 'id': 'three'},\n"
        + "]"
    )
    catalogue = project.load()
    assert [made.id for made in catalogue.definitions] == ["one", "three", "good"]
    assert [error.where for error in catalogue.errors] == [
        "backgroundtask/bad.py:6, task 'two', timeot",
        "backgroundtask/bad.py:6, task 'two', max_retries",
        "backgroundtask/bad.py:7, task 'one'",
    ]
