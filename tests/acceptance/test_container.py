"""The four tasks of the sample container really do their work."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backgroundtask import _report
from backgroundtask.taskplugins import (
    cleanup_old_logs,
    health_check,
    send_daily_reports,
    sync_external_data,
)
from rota.core.instants import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime
from rota.core.run import State
from tests.acceptance.conftest import Make
from tests.acceptance.past import past
from tests.acceptance.project import ROOT, copy, python, wait_until
from tests.acceptance.server import serving

HOSTILE = "<script>alert('rota')</script>\N{RIGHT-TO-LEFT OVERRIDE}\x1b[31m\n"
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY: Instant = from_datetime(MIDNIGHT - timedelta(days=1))
REPORT = f"reports/{MIDNIGHT - timedelta(days=1):%Y-%m-%d}"


def work() -> None:
    """Stand in for a task's work."""


# --- all of it ----------------------------------------------------------------------------------


def test_the_container_is_found_and_every_task_runs(tmp_path: Path) -> None:
    copy(ROOT / "backgroundtask", tmp_path / "backgroundtask")
    (tmp_path / "config.json").write_bytes((ROOT / "config.json").read_bytes())
    said = python(tmp_path, Path(__file__).parent / "discovering.py")
    ended = json.loads(said.splitlines()[-1])
    assert ended == dict.fromkeys(
        ("cleanup_old_logs", "health_check", "send_daily_reports", "sync_external_data"),
        "succeeded",
    )
    assert (tmp_path / f"{REPORT}.html").exists()


# --- cleanup_old_logs ---------------------------------------------------------------------------


def log_file(name: str, *, days_old: int) -> Path:
    path = Path("logs", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("ten bytes\n")
    when = datetime.now(UTC).timestamp() - days_old * 86400
    os.utime(path, (when, when))
    return path


def test_old_logs_and_old_runs_are_deleted_and_nothing_else(make: Make) -> None:
    task_manager = make(manager={"retention_days": 7}, loggers={"log_file": "logs/app.log"})
    old = [log_file(f"app.log{end}", days_old=8) for end in (".1", ".2026-01-01", ".3.gz")]
    kept = [
        log_file("app.log", days_old=8),
        log_file("app.log.2", days_old=6),
        log_file("app.log.bak", days_old=8),
        log_file("other.log.1", days_old=8),
    ]
    Path("logs/app.log.9").symlink_to(kept[0].resolve())
    task_manager.add_task(work, "interval", "work", hours=1)
    history = past(task_manager)
    history.ran("work", YESTERDAY - 8 * DAY, late=1, took=1)
    history.ran("work", YESTERDAY, late=1, took=1)

    assert asyncio.run(cleanup_old_logs()) == {"files": 3, "rows": 1, "bytes": 30}

    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)
    assert Path("logs/app.log.9").is_symlink()
    assert [run.fire_time for run in task_manager.history.runs().runs] == [YESTERDAY]


def test_without_a_log_file_only_runs_are_deleted(make: Make) -> None:
    make()
    assert asyncio.run(cleanup_old_logs()) == {"files": 0, "rows": 0, "bytes": 0}


# --- send_daily_reports -------------------------------------------------------------------------


def test_the_report_says_what_happened_yesterday(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(work, "interval", "work", hours=1, name="Real work")
    task_manager.add_task(work, "interval", "idle", hours=1)
    history = past(task_manager)
    history.ran("work", YESTERDAY, late=0.5, took=1)
    history.ran("work", YESTERDAY + HOUR, late=1.5, took=2)
    history.ran("work", YESTERDAY + 2 * HOUR, late=2.5, took=6, error="no such file")
    history.ran("work", YESTERDAY + DAY - SECOND, late=3.5, took=3)
    history.ran("work", YESTERDAY - SECOND, late=9, took=99)  # the day before
    history.ran("work", YESTERDAY + DAY, late=9, took=99)  # today
    history.never_ran("work", YESTERDAY + 5 * HOUR, state=State.SKIPPED)
    history.never_ran("work", YESTERDAY + 6 * HOUR, state=State.MISSED, count=7)

    said = asyncio.run(send_daily_reports())

    assert said == {"report": f"{REPORT}.html", "tasks": 2, "channels": 0}
    text = Path(f"{REPORT}.txt").read_text()
    rows = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in row if cell] for row in rows]
    figures = ["4", "75.0%", "2.5 s", "5.55 s", "2 s", "3.35 s", "1", "1", "7"]
    assert ["Real work (work)", *figures] in cells
    assert "- work, 1×: ValueError: no such file" in text
    html = Path(f"{REPORT}.html").read_text()
    assert "<td>5.55 s</td>" in html
    assert "ValueError: no such file" in html
    assert [path.name for path in Path("reports").iterdir() if path.name.startswith(".")] == []


def test_hostile_names_and_reasons_are_inert(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(work, "interval", "work", hours=1, name="<script>alert(1)</script>")
    past(task_manager).ran("work", YESTERDAY, late=0, took=1, error=HOSTILE)
    asyncio.run(send_daily_reports())
    html, text = Path(f"{REPORT}.html").read_text(), Path(f"{REPORT}.txt").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for char in ("\N{RIGHT-TO-LEFT OVERRIDE}", "\x1b"):
        assert char not in html + text


def test_a_day_of_many_runs_and_reasons_is_counted_to_the_last(make: Make) -> None:
    task_manager = make()
    task_manager.add_task(work, "interval", "work", minutes=1)
    history = past(task_manager)
    minutes = [YESTERDAY + number * MINUTE // 2 for number in range(2500)]
    history.never_ran("work", *minutes, state=State.SKIPPED)
    for number in range(25):
        history.ran("work", YESTERDAY + SECOND + number, late=0, took=1, error=f"reason {number}")
    asyncio.run(send_daily_reports())
    text = Path(f"{REPORT}.txt").read_text()
    assert "skipped 2500" in text
    assert text.count("- work") == 21
    assert "- work, 5×: (other reasons)" in text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own imports
def test_the_report_goes_to_the_channels(make: Make) -> None:
    with serving() as service:
        channel = service.url.replace("http://", "json://")
        make(manager={"notify": [channel]})
        assert asyncio.run(send_daily_reports())["channels"] == 1
        [message] = map(json.loads, service.posted)
        assert message["title"].startswith("Daily report for ")
        assert "Tasks: 0." in message["message"]

        service.status = 500
        make(manager={"notify": [channel.replace("json://", "json://ada:secret@"), "what://"]})
        with pytest.raises(
            RuntimeError, match=r"could not be sent to json://.*, what://"
        ) as raised:
            asyncio.run(send_daily_reports())
        assert "secret" not in str(raised.value)
        assert Path(f"{REPORT}.html").exists()


def test_a_missing_apprise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    _report.send([], "title", "text")
    with pytest.raises(RuntimeError, match=r"pip install 'rota\[alerts\]'"):
        _report.send(["json://localhost"], "title", "text")


# --- sync_external_data -------------------------------------------------------------------------


def test_external_data_is_fetched_only_when_it_changed(make: Make) -> None:
    with serving() as service:
        make(external_data={"url": f"{service.url}/rates/today.json?key=secret"})
        file = Path("var/external/today.json")
        service.content = b"first"
        fetched = {"status": "fetched", "file": str(file), "bytes": 5}
        assert asyncio.run(sync_external_data()) == fetched
        assert asyncio.run(sync_external_data()) == {"status": "not modified", "file": str(file)}
        assert file.read_bytes() == b"first"
        assert service.requests[1]["If-Modified-Since"] == "Wed, 01 May 2024 10:00:00 GMT"

        service.content = b"second"
        assert asyncio.run(sync_external_data())["bytes"] == 6
        assert file.read_bytes() == b"second"

        file.unlink()
        assert asyncio.run(sync_external_data())["status"] == "fetched"
        Path("var/external/today.json.version.json").write_text("{ broken")
        assert asyncio.run(sync_external_data())["status"] == "fetched"
    assert {path.name for path in file.parent.iterdir()} == {file.name, f"{file.name}.version.json"}
    assert "secret" not in Path("var/external/today.json.version.json").read_text()


def test_what_cannot_be_fetched_is_told_and_the_file_stays(make: Make) -> None:
    with serving() as service:
        source = {"url": f"{service.url}/data", "timeout": 5, "max_bytes": 10}
        make(external_data=source)
        service.content = b"0123456789"
        asyncio.run(sync_external_data())
        service.content = b"0123456789a"
        with pytest.raises(RuntimeError, match="has more than 10 bytes"):
            asyncio.run(sync_external_data())
        service.status = 503
        with pytest.raises(RuntimeError, match="answered 503"):
            asyncio.run(sync_external_data())
        service.silent = True
        make(external_data={**source, "timeout": 0.2})
        with pytest.raises(RuntimeError, match=r"took longer than 0\.2 s|cannot be fetched"):
            asyncio.run(sync_external_data())
    with pytest.raises(RuntimeError, match="cannot be fetched"):
        asyncio.run(sync_external_data())  # nobody listens there any more
    assert Path("var/external/data").read_bytes() == b"0123456789"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://[", "no url"])
def test_a_url_that_is_none_is_told(make: Make, url: str) -> None:
    make(external_data={"url": url})
    with pytest.raises(RuntimeError, match="cannot be fetched"):
        asyncio.run(sync_external_data())


def test_without_a_url_it_says_so(make: Make) -> None:
    make()
    assert asyncio.run(sync_external_data()) == {"status": "not configured"}
    make(external_data={"uri": "http://127.0.0.1"})
    with pytest.raises(RuntimeError, match=r"external_data\.uri: no such key; known: url,"):
        asyncio.run(sync_external_data())


# --- health_check -------------------------------------------------------------------------------


def test_a_healthy_node_gives_its_figures(make: Make) -> None:
    make().start()
    figures = asyncio.run(health_check())
    assert figures["node"]["status"] == "healthy"
    assert figures["node"]["ledger"]["state"] == "ok"
    assert figures["node"]["tick_age"] < 5
    assert figures["database"] == {"state": "ok"}
    assert figures["disk"]["free_megabytes"] > 0
    assert figures["memory"]["free_megabytes"] > 0


def test_everything_that_is_wrong_is_named(make: Make) -> None:
    let_go = threading.Event()

    def hang() -> None:
        let_go.wait()

    task_manager = make(
        database={"url": "sqlite:////no/such/directory/app.db"},
        health_check={"least_free": {"disk": 10**9, "memory": 10**9}},
    )
    task_manager.add_task(hang, "interval", "hangs", hours=1, timeout=0.1, max_retries=0)
    task_manager.start()
    try:
        task_manager.run_task("hangs")
        wait_until(lambda: task_manager.health()["stuck"], "the thread is stuck")
        with pytest.raises(RuntimeError) as raised:
            asyncio.run(health_check())
    finally:
        let_go.set()
    said = str(raised.value)
    for part in (
        "disk: only ",
        "memory: only ",
        "database: OperationalError",
        "node: hangs would not stop and is stuck at ",
    ):
        assert part in said, said


def test_outside_of_a_node_the_ledger_is_opened(make: Make) -> None:
    make(manager={"ledger_url": "sqlite:///no/such/directory/rota.db"})
    with pytest.raises(RuntimeError, match="node: Ledger"):
        asyncio.run(health_check())
    make()
    figures = asyncio.run(health_check())
    assert figures["node"] == {"status": "not running in this process"}
