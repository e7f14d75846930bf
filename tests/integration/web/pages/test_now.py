"""The screen Now as a browser without JavaScript gets it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rota.core.ports.records import NewRun
from rota.core.reasons.run_reason import NO_REASON
from rota.core.run import Cause, State
from rota.core.task import Overlap
from rota.core.time import SECOND
from rota.errors import TaskFileError
from rota.testing import eventually
from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Gate, Site, fail, greet


def test_an_empty_page_teaches_the_next_step(site: Site) -> None:
    page = text(site.client.get("/").text)
    assert "No tasks yet" in page
    assert "backgroundtask" in page
    assert "@rota.task" in page


def test_the_page_now_shows_running_runs_with_their_usual_duration(site: Site, gate: Gate) -> None:
    gate.open.set()
    site.add(gate.hold, "hold", name="Hold on")
    site.run("hold")
    gate.open.clear()
    site.run("hold", State.RUNNING)
    page = site.client.get("/").text
    assert "1 running" in page
    assert "Hold on" in part(page, "running")
    assert " ms" in part(page, "running").partition(" of ")[2]


def test_what_comes_is_counted_down_to(site: Site) -> None:
    site.add(greet, name="Soon", times={"minutes": 30})
    site.add(greet, "far", name="Far off", times={"hours": 5})
    site.add(greet, "never", name="Next year", times={"weeks": 60})
    page = site.client.get("/").text
    assert "Due within the hour 1" in part(page, "figures")
    coming = part(page, "coming")
    assert coming.index("Soon") < coming.index("Later") < coming.index("Far off")
    assert re.search(r"(29|30) min \d\d s", coming)
    assert "Next year" not in coming


def test_each_trouble_has_its_one_action(site: Site) -> None:
    site.add(fail, name="Unlucky", max_retries=0)
    site.run("fail")
    site.add(greet, name="Resting")
    site.manager.pause_task("greet", reason="painters")
    page = site.client.get("/").text
    attention = part(page, "attention")
    assert "failed Unlucky ValueError: no such luck" in attention
    assert "paused Resting painters" in attention
    assert re.search(r'action="/runs/\w+/retry"', page)
    assert 'action="/tasks/greet/resume"' in page
    assert "Failing 1 Paused 1" in part(page, "figures")


def test_what_has_recovered_needs_no_attention(site: Site, gate: Gate) -> None:
    def moody() -> None:
        if not gate.open.is_set():
            raise ValueError("not today")

    site.add(moody, max_retries=0)
    site.run("moody")
    assert "not today" in part(site.client.get("/").text, "attention")
    gate.open.set()
    site.run("moody")
    assert 'id="attention"' not in site.client.get("/").text


def test_what_should_have_started_is_late(tmp_path: Path, gate: Gate) -> None:
    with Site(tmp_path, scheduler_thread_pool=1) as site:

        def occupy() -> None:
            gate.open.wait(60)

        site.add(occupy, overlap="allow")
        site.run("occupy", State.RUNNING)
        assert 'id="attention"' not in site.client.get("/").text
        services = site.manager.services
        long_ago = services.clock.now() - 60 * SECOND
        waiting = NewRun(
            id=services.engine.ids.new(long_ago),
            task_id="occupy",
            fire_time=None,
            cause=Cause.MANUAL,
            state=State.QUEUED,
            reason=NO_REASON,
            available_at=long_ago,
            created_at=long_ago,
            overlap=Overlap.ALLOW,
        )
        services.ledger.write(lambda tx: tx.plan([waiting])).result()
        page = site.client.get("/").text
        assert "Late 1" in part(page, "figures")
        assert f'action="/runs/{waiting.id}/cancel"' in page


def test_broken_task_files_are_named_with_their_line(site: Site) -> None:
    error = TaskFileError("no such option", where="backgroundtask/x.py:12", remedy="Leave it out.")
    site.manager.file_errors = [error]
    for address in ("/", "/tasks"):
        files = part(site.client.get(address).text, "files")
        assert "backgroundtask/x.py:12 no such option Leave it out." in files


@pytest.mark.slow
def test_a_clock_that_stops_ticking_is_shown_in_red(site: Site) -> None:
    site.add(greet, times={"seconds": 1})
    scheduler = site.manager.services.engine.ticking._scheduler
    assert scheduler is not None
    red = re.compile('class="notice bad">[^\n]*the clock has not ticked for')
    with scheduler._jobstores_lock:  # as whatever else might hold up the clock's thread
        eventually(lambda: red.search(site.client.get("/").text))
    eventually(lambda: not red.search(site.client.get("/").text))
