"""Every change is noted with its face, whoever made it and from wherever."""

from __future__ import annotations

from typing import Any

from rota.core.audit import Face
from rota.manager import Manager
from rota.task_api.actor import acting
from tests.integration.web.site import FAR, Gate, Site, fail, greet
from tests.integration.web.test_runs import walk


def noted(site: Site, query: str = "") -> list[dict[str, Any]]:
    return walk(site, f"/manager/audit?{query}")


def brief(changes: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(change["face"], change["verb"], change["reason"]) for change in changes]


def test_changes_over_rest(site: Site, gate: Gate) -> None:
    client, task = site.client, site.manager.get_task(site.add(gate.hold, "hold"))
    assert task is not None
    body = {"id": "new", "name": "New", "func_path": task.func_path, "trigger": "interval"}
    client.post("/manager/tasks", json={**body, "trigger_args": FAR})
    client.put("/manager/tasks/hold?reason=typo", json={"name": "Hold on"})
    client.post("/manager/tasks/hold/pause", json={"reason": "painters"})
    client.post("/manager/tasks/hold/resume", json={"reason": "dry"})
    run = client.post("/manager/tasks/hold/run", json={"reason": "now"}).json()
    client.post(f"/manager/runs/{run['id']}/cancel", json={"reason": "enough"})
    site.wait(run["id"])
    client.delete("/manager/tasks/new?reason=unused")
    changes = noted(site)
    assert brief(changes) == [
        ("rest", "remove", "unused"),
        ("rest", "cancel", "enough"),
        ("rest", "run", "now"),
        ("rest", "resume", "dry"),
        ("rest", "pause", "painters"),
        ("rest", "edit", "typo"),
        ("rest", "create", ""),
    ]
    assert changes[5]["before"] == {"name": "hold"}
    assert changes[5]["after"] == {"name": "Hold on"}
    assert noted(site, "limit=2") == changes
    assert brief(noted(site, "task=new")) == [("rest", "remove", "unused"), ("rest", "create", "")]
    assert len(noted(site, f"run={run['id']}")) == 2
    assert len(noted(site, "verb=pause&verb=resume")) == 2


def test_changes_on_a_page_in_code_and_in_a_task(site: Site) -> None:
    def meddle() -> None:
        Manager.pause_task("greet")

    site.add(greet)
    site.add(meddle)
    site.client.post("/tasks/greet/run")
    site.manager.resume_task("greet")  # not paused: nothing changes
    site.manager.pause_task("greet", reason="in code")
    with acting(Face.CLI, "ann"):
        site.manager.resume_task("greet")
    site.run("meddle")
    assert [(change["face"], change["who"], change["verb"]) for change in noted(site)] == [
        ("python", "task meddle", "pause"),
        ("python", "", "run"),
        ("cli", "ann", "resume"),
        ("python", "", "pause"),
        ("page", "", "run"),
    ]


def test_a_refused_change_is_none(site: Site) -> None:
    site.add(fail)
    site.client.put("/manager/tasks/fail", json={"trigger_args": {"hour": 99}})
    site.client.post("/manager/tasks/nobody/pause")
    site.client.post("/manager/tasks/fail/run", headers={"Origin": "http://evil.example"})
    assert noted(site) == []
