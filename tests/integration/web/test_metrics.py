"""`GET /metrics`: what a monitor reads of a node and of the ledger."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from rota import web
from rota.core.run import State
from rota.web.metrics import figures
from tests.integration.web.pages.test_nodes import join
from tests.integration.web.site import Gate, Site, greet
from tests.integration.web.test_server import calling

HOUR = 3_600 * 1_000_000


def read(site: Site) -> dict[tuple[str, ...], float]:
    """Return every sample, by its name and the values of its labels but a node's id."""
    answer = site.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (
            sample.name,
            *(value for name, value in sample.labels.items() if name != "id"),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_cover_ledger_node_and_runs(site: Site, gate: Gate) -> None:
    site.add(greet)
    site.run("greet")
    site.add(gate.hold, "hold", queue="gpu")
    site.run("hold", State.RUNNING)
    found = read(site)
    name = site.manager.services.engine.identity.name
    assert found["rota_ledger_state", "ok"] == 1
    assert found["rota_ledger_state", "away"] == 0
    assert found["rota_tick_age_seconds",] < 5
    assert found["rota_running",] == found["rota_node_running", name] == 1
    assert found["rota_node_slots", name] > 0
    assert found["rota_queue_depth", "gpu"] == found["rota_queue_depth", "default"] == 0
    assert found["rota_recent_runs", "succeeded"] == 1


def test_a_queue_tells_how_long_its_first_run_waits(tmp_path: Path) -> None:
    with Site(tmp_path, cluster={"queues": ["default"]}) as site:
        site.add(greet, queue="gpu")  # nobody serves it
        run_id = site.manager.run_task("greet")
        due = site.manager.get_run(run_id).available_at
        told = figures(site.manager, due + HOUR)
        assert (told.depth["gpu"], told.oldest["gpu"]) == (1, 3600)
        assert (told.depth["default"], told.oldest["default"]) == (0, 0)


def test_metrics_contain_the_difference_of_node_clocks(site: Site) -> None:
    join(site, "ahead", info={"clock_ahead": 90.5})
    join(site, "silent", info={})
    found = read(site)
    assert found["rota_node_clock_ahead_seconds", "ahead"] == 90.5
    assert ("rota_node_clock_ahead_seconds", "silent") not in found
    assert found["rota_node_slots", "silent"] == 12


def test_an_unavailable_ledger_and_its_node_are_reported(site: Site) -> None:
    site.manager.services.ledger.close()
    try:
        found = read(site)
        assert found["rota_ledger_state", "away"] == 1
        assert ("rota_tick_age_seconds",) in found
        assert ("rota_queue_depth", "default") not in found
    finally:
        site.manager.services.ledger.open()  # the engine cannot stop without it


def test_from_elsewhere_it_needs_the_right_to_read(site: Site) -> None:
    granted = site.manager.create_token("monitor", "read")
    assert site.client.get("/metrics").status_code == 200
    app = web.application(site.manager, hosts=["rota.example"])
    with calling(app, "http://rota.example") as client:
        assert client.get("/metrics").status_code == 401
        headers = {"authorization": f"Bearer {granted.secret}"}
        assert client.get("/metrics", headers=headers).status_code == 200
