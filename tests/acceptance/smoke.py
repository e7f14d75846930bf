"""Every face of rota once, with nothing but rota installed: `python smoke.py PROJECT [LEDGER_URL]`.

Run by the interpreter of another environment, so it imports the standard library and rota alone.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds that a busy machine may take."""

BIN = Path(sys.executable).parent
PAGES = ("", "tasks", "tasks/hello", "calendar", "timeline", "failures", "nodes", "settings")
ENGINES = ("rota.brokers.celery", "rota.brokers.pgqueuer")

TASKS = """
import rota


@rota.task("interval", hours=1)
async def hello():
    return "hello"


@rota.task("cron", hour=9, executor="process")
def apart():
    print("from a process")
    return 1
"""


def commands() -> None:
    """Show the help of every command, all in this process."""
    from rota.cli.commands import COMMANDS
    from rota.cli.main import _app

    with redirect_stdout(io.StringIO()) as shown:
        for name in COMMANDS:
            _app([name])([name, "--help"], prog_name="rota", standalone_mode=False)
    assert shown.getvalue().count("Usage: rota ") == len(COMMANDS)


def python() -> None:
    """Run a task from a script, and use the cache and the database."""
    from sqlalchemy import text

    import cache
    import rota
    from database.db import SessionLocal

    manager = rota.TaskManager.from_config("config.json")
    manager.add_task(lambda: 42, "interval", "answer", hours=1)
    manager.start()
    try:
        run = manager.run_task("answer")
        _wait(lambda: manager.get_run(run).state == "succeeded", "the script's run has succeeded")
    finally:
        assert manager.shutdown()
    with SessionLocal() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    assert asyncio.run(_cached(cache.CacheManager())) == "kept"


async def _cached(manager: Any) -> Any:
    await manager.set("key", "kept")
    return await manager.get("key")


def server(port: int) -> None:
    """Start `rota up`, ask each page and REST, run both tasks, and end it."""
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([BIN / "rota", "up"]) as up:
        try:
            _wait(lambda: _get(f"{url}/health"), "rota up answers")
            for page in PAGES:
                assert _get(f"{url}/{page}"), page
            assert b"rota_" in _get(f"{url}/metrics")
            for task in ("hello", "apart"):
                run = _json(f"{url}/manager/tasks/{task}/run", "POST")["id"]
                _wait(
                    lambda run=run: _json(f"{url}/manager/runs/{run}")["state"] == "succeeded",
                    f"{task} has succeeded",
                )
            subprocess.run([BIN / "rota", "runs", "--json"], check=True, stdout=subprocess.DEVNULL)
        finally:
            up.send_signal(signal.SIGTERM)
            assert up.wait(PATIENCE) == 0


def _get(url: str, method: str = "GET") -> bytes:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError:
        raise
    except OSError:
        return b""


def _json(url: str, method: str = "GET") -> Any:
    return json.loads(_get(url, method))


def _wait(true: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main(project: Path, ledger_url: str = "sqlite:///rota.db") -> None:
    """Try every face in an empty directory."""
    port = _free_port()
    (project / "backgroundtask").mkdir()
    (project / "backgroundtask" / "work.py").write_text(TASKS)
    settings = {"manager": {"port": port, "ledger_url": ledger_url}}
    (project / "config.json").write_text(json.dumps(settings))
    os.chdir(project)
    for engine in ENGINES:
        importlib.import_module(engine)
    subprocess.run([BIN / "rota", "check"], check=True)
    commands()
    python()
    server(port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
