"""A secret that stands in every place where a value can be stored is shown in none."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

import rota
from rota import web
from rota.core.audit import Face
from rota.core.run import State
from rota.task_api.actor import acting
from tests.integration.web.site import Site

CANARY = "cAnAry-7f3a"
SAID = f"password={CANARY}"
VALUE = {
    "password": CANARY,
    "nested": [{"api_key": CANARY}, {"tokens": {"a": CANARY}}],
    "url": f"https://ann:{CANARY}@db.example/x?token={CANARY}",
    "text": f"tried with secret='{CANARY}'",
    f"https://ann:{CANARY}@db.example": "down",
}


def tell(password: str = CANARY, options: Any = None) -> Any:
    rota.current_run().progress(1, 2, note=SAID)
    rota.once("password", lambda: CANARY)
    rota.once("step", lambda: VALUE)
    print(SAID)  # noqa: T201
    print("token=", end="")  # noqa: T201
    print(CANARY)  # noqa: T201
    return VALUE


def fail(options: Any = None) -> None:
    raise RuntimeError(f"no answer with {SAID}")


async def hold() -> None:
    rota.current_run().progress(1, 2, note=SAID)
    print(SAID)  # noqa: T201
    await asyncio.sleep(3600)


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[tuple[Site, dict[str, str]]]:
    with Site(tmp_path, access="token") as site:
        manager = site.manager
        for func in (tell, fail):
            site.add(func, description=SAID, kwargs={"options": VALUE}, max_retries=0)
        site.add(hold, description=SAID)
        ids = {}
        with acting(Face.REST, SAID):
            for name in ("tell", "fail", "hold"):
                ids[name] = manager.run_task(
                    name, arguments={"options": VALUE} if name != "hold" else None, reason=SAID
                )
            manager.pause_task("tell", reason=SAID)
            manager.edit_task("fail", name=SAID, reason=SAID)
        for name in ("tell", "fail"):
            site.wait(ids[name])
        site.wait(ids["hold"], State.RUNNING)
        _store_unmasked(tmp_path / "rota.db", ids)
        yield site, ids


def _store_unmasked(file: Path, ids: dict[str, str]) -> None:
    """Write what another release, or somebody's own program, may have written as it was."""
    with closing(sqlite3.connect(file, timeout=30)) as ledger, ledger:
        columns = {
            "runs": ("reason", "cancel_requested"),
            "attempts": ("error", "traceback"),
            "logs": ("text", "logger"),
            "audit": ("reason", "who"),
        }
        for table, names in columns.items():
            if table != "audit":  # it is append-only
                for name in names:
                    ledger.execute(f"UPDATE {table} SET {name} = ?", (SAID,))
        ledger.execute(
            "UPDATE runs SET arguments = ?, result = ?, progress = ?",
            (json.dumps(VALUE), json.dumps(VALUE), json.dumps({"note": SAID, **VALUE})),
        )
        assert ids


def _routes(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        router = getattr(route, "original_router", None)  # as newer releases of FastAPI nest them
        if router is None:
            yield route
        else:
            yield from _routes(router.routes)


def _paths(site: Site, ids: dict[str, str]) -> Iterator[str]:
    for route in _routes(web.application(site.manager).routes):
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            for name, run_id in ids.items():
                about = run_id if "/runs/" in route.path else name
                yield route.path.replace("{id:path}", name).replace("{id}", about)


def test_no_page_no_answer_and_no_stream_shows_it(
    planted: tuple[Site, dict[str, str]],
) -> None:
    site, ids = planted
    secret = site.manager.create_token("reader", "read").secret
    headers = {"Authorization": f"Bearer {secret}"}
    seen = 0
    for path in sorted(set(_paths(site, ids))):
        for accept in ("text/html", "application/json"):
            with site.client.stream(
                "GET", path, headers={**headers, "Accept": accept}, timeout=5
            ) as answer:
                text = f"{answer.headers}"
                try:
                    for part in answer.iter_text():
                        text += part
                except httpx.ReadTimeout:
                    assert "text/event-stream" in answer.headers["content-type"]
            assert answer.status_code < 500, (path, text)
            assert CANARY not in text, (path, text[max(text.find(CANARY) - 300, 0) :][:700])
            seen += answer.status_code == 200
    assert seen > 40


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_command_shows_it(planted: tuple[Site, dict[str, str]], tmp_path: Path) -> None:
    site, ids = planted
    (tmp_path / "backgroundtask").mkdir(exist_ok=True)
    config = tmp_path / "config.json"
    ledger = {"ledger_url": f"sqlite:///{tmp_path / 'rota.db'}", "port": site.server.port}
    config.write_text(json.dumps({"manager": ledger}))
    commands = [
        *(["ls"], ["runs"], ["doctor"], ["health"]),
        *(["show", "tell"], ["show", "fail"], ["logs", ids["tell"]]),
    ]
    for words in (*commands, *([*one, "--json"] for one in commands)):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("rota")), *words, "--config", str(config)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert CANARY not in done.stdout + done.stderr, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, (words, done.stderr)
