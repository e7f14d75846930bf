"""The screen Nodes as a browser without JavaScript gets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rota import triggers
from rota.core.ports.records import NodeRecord, VerificationMark
from rota.core.run import State
from rota.core.time import HOUR, SECOND
from rota.core.verification.findings import Code, Finding
from rota.diagnosis.verified import VERIFIED, as_json, merged
from rota.testing import eventually
from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Gate, Site


def join(site: Site, name: str, **changes: Any) -> str:
    """Have another node in the ledger, whose lease holds for an hour; return its id."""
    services = site.manager.services
    now = services.clock.now()
    node = NodeRecord(
        id=services.engine.ids.new(now),
        name=name,
        host="far-away/1",
        pid=812,
        version="0.0.9",
        slots=12,
        started_at=now - HOUR,
        seen_at=now - 2 * SECOND,
        lease_until=now + HOUR - 2 * SECOND,
        state="up",
        info={"clock_ahead": 0.2},
    )
    services.ledger.write(lambda tx: tx.join(replace(node, **changes))).result()
    return node.id


def test_a_node_has_its_slots_and_how_many_are_used(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    site.run("hold", State.RUNNING)
    other = join(site, "other")
    page = site.client.get("/nodes").text
    own = site.manager.services.engine.identity
    slots = sum(executor.slots for executor in site.manager.services.engine.executors.values())
    assert f"{own.name} this one" in part(page, f"node-{own.id}")
    assert f"Running 1 of {slots:,}" in part(page, f"node-{own.id}")
    line = part(page, f"node-{other}")
    assert "process 812 on far-away" in line
    assert "Running 0 of 12" in line
    assert "Version 0.0.9" in line


def test_a_node_says_what_it_does_and_by_which_tasks_and_time_zones(site: Site) -> None:
    own = site.manager.services.engine
    own.identity.generation = "0a1b2c3d"
    same = {"generation": "0a1b2c3d", "tz": triggers.tz_version(), "role": "worker"}
    worker = join(site, "worker", info={**same, "queues": ["gpu", "slow"]})
    old = join(site, "old", info={"generation": "ffffffff", "tz": "2001a", "role": "scheduler"})
    page = site.client.get("/nodes").text
    assert "runs gpu, slow" in part(page, f"node-{worker}")
    assert "tasks 0a1b2c3d" in part(page, f"node-{worker}")
    line = part(page, f"node-{old}")
    assert "plans" in line
    assert "tasks ffffffff" in line
    assert "zones 2001a" in line
    assert page.count("sub clip state is-degraded") == 2


def test_what_holds_a_node_up_is_named(site: Site) -> None:
    info = {"stuck": {"count": "a.py:61, in count"}, "blocked_loop": "import at b.py:24"}
    join(site, "held", info=info)
    page = text(site.client.get("/nodes").text)
    assert "Its task loop is blocked by import at b.py:24" in page
    assert "Stuck count at a.py:61, in count" in page


def test_a_thread_that_will_not_stop_is_named(tmp_path: Path, gate: Gate) -> None:
    with Site(tmp_path, lease_seconds=0.6) as site:

        def deaf() -> None:
            gate.open.wait(60)

        site.add(deaf, timeout=0.2, max_retries=0)
        site.run("deaf")
        eventually(lambda: "Stuck deaf at" in text(site.client.get("/nodes").text), what="stuck")


def test_a_node_clock_that_differs_is_reported(site: Site) -> None:
    behind = join(site, "behind", info={"clock_ahead": -5.0})
    right = join(site, "right")
    unknown = join(site, "unknown", info={})
    page = site.client.get("/nodes").text
    assert "Clock 5.0 s behind" in part(page, f"node-{behind}")
    assert "Clock right" in part(page, f"node-{right}")
    assert "Clock –" in part(page, f"node-{unknown}")


def test_silent_nodes_and_stopped_nodes_are_shown_differently(site: Site) -> None:
    now = site.manager.services.clock.now()
    silent = join(site, "silent", seen_at=now - HOUR, lease_until=now - 1)
    gone = join(site, "gone", state="gone")
    stopped = join(site, "stopped", state="stopped")
    page = site.client.get("/nodes").text
    # The reaper may find the first one at any moment.
    assert any(word in part(page, f"node-{silent}") for word in (" silent ", " gone "))
    former = page[page.index('id="former"') :]
    assert " gone " in part(former, f"node-{gone}")
    assert " stopped " in part(former, f"node-{stopped}")


def test_what_a_node_says_of_itself_may_be_anything(site: Site) -> None:
    planted = "<img src=x onerror=hit()>"
    info = {"stuck": planted, "blocked_loop": [planted], "clock_ahead": planted, "role": planted}
    info |= {"queues": [planted], "tz": planted, "generation": planted}
    join(site, planted, version=planted, host=planted, info=info)
    page = site.client.get("/nodes")
    assert page.status_code == 200
    assert "<img" not in page.text


def test_the_findings_of_the_last_verification_are_reported(site: Site) -> None:
    assert "not verified yet" in part(site.client.get("/nodes").text, "verified")
    services = site.manager.services
    now = services.clock.now()
    hole = Finding(Code.HOLE, "greet", "The occurrence <of nine> has no row.", at=now, last=now)
    report = merged(None, "other", now, 0, [hole, replace(hole, is_mended=True)])
    mark = VerificationMark(VERIFIED, now, now + HOUR, as_json(report))
    services.ledger.write(lambda tx: tx.mark(mark)).result()
    shown = part(site.client.get("/nodes").text, "verified")
    assert "ago by other" in shown
    assert shown.count("The occurrence &lt;of nine&gt; has no row.") == 2
    assert hole.remedy in shown
    assert shown.count("It has its row now.") == 1
