"""Runs over REST: pages of them, one of them, its log, its end."""

from __future__ import annotations

from typing import Any

import rota
from rota.core.run import State
from tests.integration.web.site import Gate, Site, fail, greet

KEYS = (
    *("id", "task_id", "fire_time", "cause", "state", "attempt", "node"),
    *("started_at", "finished_at", "reason", "reason_code", "nominal_time", "error_type"),
    "replay",
)


def walk(site: Site, address: str) -> list[dict[str, Any]]:
    """Follow the links from page to page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = site.client.get(address)
        found += answer.json()
        if "next" not in answer.links:
            return found
        address = answer.links["next"]["url"]


def test_runs_are_listed_page_by_page_newest_first(site: Site) -> None:
    site.add(greet)
    ids = [site.run("greet") for _ in range(5)]
    assert [run["id"] for run in walk(site, "/manager/runs?limit=2")] == ids[::-1]
    assert tuple(walk(site, "/manager/runs")[0]) == KEYS


def test_filters_narrow_the_list_and_stay_in_the_links(site: Site) -> None:
    site.add(greet)
    site.add(fail, max_retries=0)
    for _ in range(3):
        site.run("greet")
        site.run("fail")
    failed = walk(site, "/manager/runs?state=failed&state=lost&limit=1")
    assert [run["task_id"] for run in failed] == ["fail"] * 3
    assert len(walk(site, "/manager/runs?task=greet&limit=1")) == 3
    assert walk(site, "/manager/runs?since=2999-01-01T00:00:00Z") == []
    assert len(walk(site, "/manager/runs?since=1999-01-01T00:00:00%2B02:00")) == 6


def test_a_run_is_shown_with_its_attempts(site: Site) -> None:
    site.add(fail, max_retries=1, retry_delay=0)
    run_id = site.run("fail")
    run = site.client.get(f"/manager/runs/{run_id}").json()
    assert (run["state"], run["failures"]) == ("failed", 2)
    assert [attempt["number"] for attempt in run["attempts"]] == [1, 2]
    assert run["attempts"][0]["error"] == "ValueError: no such luck"
    assert "raise ValueError" in run["attempts"][1]["traceback"]
    assert site.client.get(f"/manager/runs/{run_id[-8:]}").json() == run


def test_the_steps_of_a_run_are_shown_with_their_results(site: Site) -> None:
    def order() -> None:
        rota.once("charge <7>", lambda: {"amount": 7})

    site.add(order)
    run_id = site.run("order")
    (step,) = site.client.get(f"/manager/runs/{run_id}").json()["steps"]
    assert (step["key"], step["value"]) == ("charge <7>", {"amount": 7})
    page = site.client.get(f"/runs/{run_id}").text
    assert "Steps done once" in page
    assert "charge &lt;7&gt;" in page


def test_the_log_of_a_run_is_read_from_the_last_line(site: Site) -> None:
    site.add(greet)
    address = f"/manager/runs/{site.run('greet')}/logs"
    lines = site.client.get(address).json()
    assert [(line["level"], line["text"]) for line in lines] == [
        ("INFO", "hello"),
        ("WARNING", "and good night"),
    ]
    first = f"{lines[0]['attempt']}.{lines[0]['seq']}"
    assert site.client.get(address, params={"after": first}).json() == lines[1:]
    assert site.client.get(address, params={"limit": 1}).json() == lines[:1]


def test_a_running_run_is_cancelled(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    run_id = site.run("hold", State.RUNNING)
    asked = site.client.post(f"/manager/runs/{run_id}/cancel", json={"reason": "enough"})
    assert asked.status_code == 200
    site.wait(run_id)
    run = site.client.get(f"/manager/runs/{run_id}").json()
    assert (run["state"], run["reason"]) == ("cancelled", "enough")
    again = site.client.post(f"/manager/runs/{run_id}/cancel")
    assert again.status_code == 409
    assert again.json()["type"] == "urn:rota:problem:state"


def test_unknown_runs_are_not_found(site: Site) -> None:
    for method, address in (
        ("GET", "/manager/runs/nope"),
        ("GET", "/manager/runs/nope/logs"),
        ("POST", "/manager/runs/nope/cancel"),
    ):
        answer = site.client.request(method, address)
        assert answer.status_code == 404
        assert set(answer.json()) == {"type", "title", "status", "detail", "remedy"}


def test_runs_are_narrowed_by_cause_and_end(site: Site) -> None:
    site.add(greet)
    ids = [site.run("greet") for _ in range(3)]
    assert [run["id"] for run in walk(site, "/manager/runs?order=oldest&limit=1")] == ids
    assert walk(site, "/manager/runs?cause=schedule") == []
    assert len(walk(site, "/manager/runs?cause=manual&cause=backfill")) == 3
    assert len(walk(site, "/manager/runs?until=2999-01-01T00:00:00Z")) == 3
    assert walk(site, "/manager/runs?until=1999-01-01T00:00:00Z") == []


def test_a_failed_run_is_done_again_with_its_arguments(site: Site) -> None:
    def pick(word: str = "") -> str:
        if not ready:
            raise ValueError("not yet")
        return word

    ready: list[int] = []
    site.add(pick, max_retries=0)
    run = site.client.post("/manager/tasks/pick/run", json={"arguments": {"word": "ß"}}).json()
    site.wait(run["id"])
    ready.append(1)
    answer = site.client.post(f"/manager/runs/{run['id']}/retry", json={"reason": "mended"})
    assert answer.status_code == 202
    again = answer.json()
    assert (again["retry_of"], again["cause"]) == (run["id"], "manual")
    site.wait(again["id"])
    done = site.client.get(answer.headers["location"]).json()
    assert (done["state"], done["result"], done["retry_of"]) == ("succeeded", "ß", run["id"])
    [change] = done["changes"]
    assert change["reason"] == f"retry of run {run['id']}: mended"
    first = site.client.get(f"/manager/runs/{run['id']}").json()
    assert [change["verb"] for change in first["changes"]] == ["retry", "run"]
    assert first["changes"][0]["after"] == {"run": again["id"]}


def test_a_running_or_succeeded_run_is_not_retried(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    run_id = site.run("hold", State.RUNNING)
    going = site.client.post(f"/manager/runs/{run_id}/retry")
    assert (going.status_code, "cancel" in going.json()["remedy"]) == (409, True)
    gate.open.set()
    site.wait(run_id)
    assert site.client.post(f"/manager/runs/{run_id}/retry").status_code == 409
    assert site.client.post("/manager/runs/nothing/retry").status_code == 404
