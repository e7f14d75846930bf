"""`GET /metrics`: what a monitor reads of a node and of the ledger."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from rota.core.run import State
from rota.testing import eventually
from rota.web.metrics import figures
from tests.integration.web.site import Gate, Site, greet

HOUR = 3_600 * 1_000_000


def read(site: Site) -> dict[tuple[str, ...], float]:
    """Return every sample, by its name and the values of its labels but a node's id."""
    answer = site.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(value for name, value in sample.labels.items() if name != "id")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_it_tells_of_ledger_node_and_runs(site: Site, gate: Gate) -> None:
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


def test_a_node_whose_ledger_is_gone_tells_of_itself(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        read(site)
        site.manager.shutdown(grace=0)
        found = eventually(lambda: read(site))
        assert ("rota_tick_age_seconds",) in found


def test_others_need_the_right_to_read(site: Site) -> None:
    site.manager.create_token("monitor", "read")
    assert site.client.get("/metrics").status_code == 200  # this machine needs none
