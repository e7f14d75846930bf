"""The live view: rendered, and once on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import termios
import threading
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from rota.cli.live_view import Snapshot, render
from rota.core.run import Cause, Run, State
from rota.core.time import MINUTE, SECOND
from tests.integration.cli.project import ROTA, TASKS, Project, environment, until

NOW = 1_700_000_000 * SECOND
RUN = Run(
    id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
    task_id="copy",
    fire_time=NOW - MINUTE,
    cause=Cause.SCHEDULE,
    state=State.RUNNING,
    reason="",
    attempt=2,
    failures=1,
    crashes=0,
    count=1,
    exclusive=True,
    available_at=NOW - MINUTE,
    created_at=NOW - MINUTE,
    started_at=NOW - MINUTE,
    finished_at=None,
    attempt_started_at=NOW - 4 * SECOND,
    node="a",
    fence=1,
    cancel_requested=None,
    arguments=None,
    result=None,
    progress={"done": 1, "total": 4, "note": "file [red]1\x1b[31m"},
    peak_memory=None,
)


def shown(shot: Snapshot) -> str:
    console = Console(file=StringIO(), width=120, force_terminal=False)
    console.print(render(shot))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_what_runs_comes_and_happened() -> None:
    failed = replace(
        RUN, state=State.FAILED, reason="ValueError: [bold]no", finished_at=NOW - SECOND
    )
    text = shown(
        Snapshot(
            NOW,
            "shop · 3 tasks",
            running=[RUN, replace(RUN, progress={"done": 7, "total": None, "note": ""})],
            coming=[(NOW + 5 * MINUTE, "Europe/Berlin", "report")],
            ended=[failed],
            broken=2,
        )
    )
    assert "shop · 3 tasks" in text
    assert "copy" in text
    assert "4.0 s, attempt 2" in text
    assert "━" in text
    assert "25%" in text
    assert r"file [red]1\x1b[31m" in text
    assert "report" in text
    assert "in 5 min" in text
    assert "2023-11-14 23:18:20 CET" in text
    assert "ValueError: [bold]no" in text
    assert "2 mistakes in the task files" in text


def test_many_runs_are_counted_and_trouble_is_reported() -> None:
    assert "and 12 more" in shown(Snapshot(NOW, "", running=[RUN] * 20))
    assert "does not answer: disk full" in shown(Snapshot(NOW, "", trouble="disk full"))
    assert "0.5" not in shown(Snapshot(NOW, "", running=[replace(RUN, progress=None)]))


def test_rota_up_shows_a_live_view_on_a_terminal(project: Project) -> None:
    """The view is drawn while a task runs, and a signal ends it."""
    ours, theirs = pty.openpty()
    words = [ROTA, "up", "--port", "0"]
    env = environment(NO_COLOR="1")
    with subprocess.Popen(
        words, cwd=project.path, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen: list[bytes] = []
        reader = threading.Thread(target=_read, args=(ours, seen), daemon=True)
        reader.start()
        try:
            until(lambda: b"rota is up: " in b"".join(seen))
            project.rota("run", "hold")
            until(lambda: b"holding" in b"".join(seen))
            project.touch("release")
            until(lambda: b"succeeded" in b"".join(seen))
            process.send_signal(signal.SIGINT)
            assert process.wait(90) == 0
        finally:
            process.kill()
            reader.join(90)
            os.close(ours)


@pytest.mark.parametrize("words", [[], ["--plain"]])
def test_a_terminal_that_closes_ends_it_as_a_signal_does(
    project: Project, words: list[str]
) -> None:
    project.write("backgroundtask/work.py", TASKS.replace("return", "print('to nobody'); return"))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [ROTA, "up", *words],
        cwd=project.path,
        env=environment(NO_COLOR="1"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:
        os.close(theirs)
        try:
            seen = b""
            while b"rota is up: " not in seen:
                seen += os.read(ours, 65536)
            project.rota("run", "hold")
            until(lambda: project.has("begun"))
            os.close(ours)
            project.touch("release")
            assert process.wait(90) == 0
        finally:
            process.kill()
    (run,) = project.lines("runs")
    assert run["state"] == "succeeded"


def _read(fd: int, seen: list[bytes]) -> None:
    try:
        while data := os.read(fd, 65536):
            seen.append(data)
    except OSError:  # the other end is closed
        return
