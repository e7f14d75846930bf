"""`GET /health`: says how the node is, whatever happens in it."""

from __future__ import annotations

import time
from pathlib import Path

from rota import web
from rota.core.run import State
from rota.testing import eventually
from tests.integration.web.site import Gate, Site


def test_a_sound_node_is_healthy(site: Site) -> None:
    answer = site.client.get("/health")
    assert answer.status_code == 200
    report = answer.json()
    assert (report["status"], report["reasons"], report["running"]) == ("healthy", [], 0)
    assert report["ledger"]["state"] == "ok"
    assert report["tick_age"] < 5
    assert {"oldest_due", "stuck", "blocked_loop", "broken_task_files"} <= set(report)


def test_health_answers_while_the_task_loop_is_blocked(site: Site, gate: Gate) -> None:
    site.add(gate.block, "block")
    run_id = site.run("block", State.RUNNING)
    report = eventually(
        lambda: (found := site.client.get("/health").json())["blocked_loop"] and found
    )
    began = time.monotonic()
    assert site.client.get("/health").status_code == 200
    assert site.client.get("/").status_code == 200
    assert time.monotonic() - began < 2
    assert report["status"] == "degraded"
    assert "site.py" in report["blocked_loop"]["place"]
    assert any("blocked" in reason for reason in report["reasons"])
    gate.open.set()
    site.wait(run_id)


def test_a_node_that_does_not_run_is_down(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with web.serve(site.manager, port=0) as server, site.client as client:
        answer = client.get(f"{server.url}health")
        assert (answer.status_code, answer.json()["status"]) == (503, "down")
        assert client.get(server.url).status_code == 200
    site.manager.shutdown()


def test_broken_task_files_are_reported(tmp_path: Path) -> None:
    files = tmp_path / "backgroundtask"
    files.mkdir()
    (files / "broken.py").write_text("TASK_DEFINITIONS = []\ndef oops(:\n")
    with Site(tmp_path) as site:
        site.manager.discover()
        report = site.client.get("/health").json()
        assert report["status"] == "degraded"
        assert "broken.py:2" in report["broken_task_files"][0]
        page = site.client.get("/").text
        assert "broken.py:2" in page
        assert "SyntaxError" in page
