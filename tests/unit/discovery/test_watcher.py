"""The loop that reports changed task files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from queue import Empty, Queue

import pytest

from rota.discovery.watcher import Watcher

PATIENCE = 200  # tries of 0.1 s


class Reports:
    """What a watcher reported, waited for by signal."""

    def __init__(self) -> None:
        self.queue: Queue[Set[Path]] = Queue()

    def after(self, change: Callable[[], object], path: Path) -> bool:
        """Change something, again and again until `path` is reported: watching starts a little
        after `start` has returned."""
        for _ in range(PATIENCE):
            change()
            try:
                while path not in self.queue.get(timeout=0.1):
                    pass
            except Empty:
                continue
            return True
        return False


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, Reports, Watcher]]:
    directory, reports = tmp_path / "backgroundtask", Reports()
    directory.mkdir()
    watcher = Watcher(directory, reports.queue.put)
    yield directory, reports, watcher
    watcher.stop()


def test_changed_task_files_are_reported_and_others_are_not(
    watched: tuple[Path, Reports, Watcher],
) -> None:
    directory, reports, watcher = watched
    watcher.start()
    path = directory / "a.py"
    assert reports.after(lambda: path.write_text("x = 1"), path)
    (directory / "notes.txt").write_text("not Python")
    other = directory / "b.py"
    assert reports.after(lambda: other.write_text("x = 2"), other)


def test_a_directory_that_comes_back_is_watched_again(
    watched: tuple[Path, Reports, Watcher],
) -> None:
    directory, reports, watcher = watched
    watcher.start()
    path = directory / "a.py"
    assert reports.after(lambda: path.write_text("x = 1"), path)
    path.unlink()
    directory.rmdir()
    directory.mkdir()
    assert reports.after(lambda: path.write_text("x = 2"), path)


def test_a_report_that_fails_does_not_end_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports, failed = Reports(), threading.Event()

    def report(paths: Set[Path]) -> None:
        if not failed.is_set():
            failed.set()
            raise ValueError("cannot load")
        reports.queue.put(paths)

    watcher = Watcher(tmp_path, report)
    watcher.start()
    try:
        path = tmp_path / "a.py"
        assert reports.after(lambda: path.write_text("x = 1"), path)
    finally:
        watcher.stop()
    assert failed.is_set()
    assert "Loading the changed task files failed." in caplog.text


def test_start_and_stop_are_safe_in_any_order(watched: tuple[Path, Reports, Watcher]) -> None:
    directory, reports, watcher = watched
    watcher.stop()
    watcher.start()
    watcher.start()
    assert [thread.name for thread in threading.enumerate()].count("rota-files") == 1
    watcher.stop()
    watcher.stop()
    assert "rota-files" not in [thread.name for thread in threading.enumerate()]
    watcher.start()
    path = directory / "a.py"
    assert reports.after(lambda: path.write_text("x = 1"), path)


def test_a_watcher_can_be_stopped_from_its_own_thread(tmp_path: Path) -> None:
    stopped = threading.Event()

    def report(paths: Set[Path]) -> None:
        watcher.stop()
        stopped.set()

    watcher = Watcher(tmp_path, report)
    watcher.start()
    path = tmp_path / "a.py"
    for _ in range(PATIENCE):
        path.write_text("x = 1")
        if stopped.wait(0.1):
            break
    assert stopped.is_set()
    for thread in threading.enumerate():
        if thread.name == "rota-files":
            thread.join(90)
            assert not thread.is_alive()


def test_a_watcher_reports_when_it_begins_so_that_no_change_is_missed(
    watched: tuple[Path, Reports, Watcher],
) -> None:
    directory, reports, watcher = watched
    watcher.start()
    assert directory in reports.queue.get(timeout=90)
