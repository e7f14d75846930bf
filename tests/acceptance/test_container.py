"""The four tasks of the sample container really do their work."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backgroundtask.taskplugins import (
    cleanup_old_logs,
    health_check,
    sync_external_data,
)
from rota.core.time import DAY, from_datetime
from tests.acceptance.conftest import Make
from tests.acceptance.past import past
from tests.acceptance.project import ROOT, copy, python, wait_until
from tests.acceptance.server import serving

MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = from_datetime(MIDNIGHT - timedelta(days=1))


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
    assert len(list((tmp_path / "reports").glob("*.html"))) == 1


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


def test_a_failed_fetch_is_reported_and_keeps_the_file(make: Make) -> None:
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
    make(external_data=source)
    with pytest.raises(RuntimeError, match="cannot be fetched"):
        asyncio.run(sync_external_data())  # nobody listens there any more
    assert Path("var/external/data").read_bytes() == b"0123456789"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://[", "no url"])
def test_an_invalid_url_is_reported(make: Make, url: str) -> None:
    make(external_data={"url": url})
    with pytest.raises(RuntimeError, match="cannot be fetched"):
        asyncio.run(sync_external_data())


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "0.0.0.0", "169.254.169.254"),
        *("10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]"),
        *("[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2002:a00:1::1]"),
    ],
)
def test_external_data_follows_no_redirect_into_a_private_network(make: Make, host: str) -> None:
    with serving() as service, serving() as own:
        port = own.url.rpartition(":")[2]
        own.content, service.leads_to = b"private", f"http://{host}:{port}/latest/meta-data"
        make(external_data={"url": f"{service.url}/data", "timeout": 20})
        with pytest.raises(RuntimeError, match="which is in a private network"):
            asyncio.run(sync_external_data())
        assert own.requests == []
    assert not Path("var/external/data").exists()


def test_external_data_follows_a_redirect_that_is_allowed(make: Make) -> None:
    with serving() as service, serving() as own:
        own.content, service.leads_to = b"private", f"{own.url}/there"
        make(external_data={"url": f"{service.url}/data", "private": True})
        assert asyncio.run(sync_external_data())["bytes"] == 7


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
