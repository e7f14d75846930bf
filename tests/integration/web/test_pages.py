"""The pages as a browser without JavaScript gets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rota
from rota.core.run import State
from tests.integration.web.site import Gate, Site, fail, greet

HTML = {"Accept": "text/html"}
HOSTILE = "<script>hit()</script>\"'><img src=x onerror=hit()>{{ 7 * 7 }}\u202e"


def text(page: str) -> str:
    """Return what a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_an_empty_page_teaches_the_next_step(site: Site) -> None:
    page = text(site.client.get("/").text)
    assert "No tasks yet" in page
    assert "backgroundtask" in page
    assert "@rota.task" in page


def test_now_shows_what_runs_and_what_is_due(site: Site, gate: Gate) -> None:
    site.add(greet, name="Greet all", times={"minutes": 30})
    site.add(gate.hold, "hold")
    site.run("hold", State.RUNNING)
    page = text(site.client.get("/").text)
    assert "1 running" in page
    assert "Due within the hour 1" in page
    assert "Greet all every 30 minutes" in page
    assert "29 min" in page


def test_buttons_work_without_a_script(site: Site) -> None:
    site.add(greet)
    answer = site.client.post("/tasks/greet/pause", follow_redirects=True)
    assert "Paused: paused on the page" in text(answer.text)
    site.client.post("/tasks/greet/resume")
    answer = site.client.post("/tasks/greet/run", headers={"Referer": site.server.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert len(site.harness.ended("greet")) == 1
    assert "succeeded" in site.client.get("/").text


def test_a_run_is_cancelled_on_its_page(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    run_id = site.run("hold", State.RUNNING)
    assert f'action="/runs/{run_id}/cancel"' in site.client.get(f"/runs/{run_id}").text
    site.client.post(f"/runs/{run_id}/cancel")
    site.wait(run_id)
    assert "cancelled on the page" in site.client.get(f"/runs/{run_id}").text


def test_a_refused_button_explains_itself(site: Site) -> None:
    site.add(greet)
    run_id = site.run("greet")
    answer = site.client.post(f"/runs/{run_id}/cancel", headers=HTML)
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to Now" in answer.text


def test_a_task_has_its_times_and_rules(site: Site) -> None:
    site.add(greet, trigger="cron", times={"hour": 9}, timezone="Europe/Berlin", max_retries=2)
    page = text(site.client.get("/tasks/greet").text)
    assert "every day at 09:00, Europe/Berlin" in page
    assert "Say hello." in page
    assert "overlap=skip" in page
    assert site.client.get("/tasks/greet").text.count("data-until") == 10


def test_older_runs_are_a_page_further(site: Site) -> None:
    site.add(greet)
    ids = [site.run("greet") for _ in range(32)]
    first = site.client.get("/tasks/greet").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    assert ids[0] not in first
    assert ids[0] in site.client.get(older[1]).text


def test_a_run_has_its_attempts_log_and_result(site: Site) -> None:
    site.add(greet)
    site.add(fail, max_retries=1, retry_delay=0)
    page = text(site.client.get(f"/runs/{site.run('greet')}").text)
    assert "hello" in page
    assert "&#34;said&#34;: &#34;hello&#34;" in page
    page = text(site.client.get(f"/runs/{site.run('fail')}").text)
    assert "ValueError: no such luck" in page
    assert page.count("Traceback (most recent call last)") == 2


def test_many_tasks_come_in_pages(site: Site) -> None:
    for number in range(51):
        site.add(greet, f"task-{number:02}")
    first, second = (site.client.get(f"/?page={number}").text for number in (1, 2))
    assert "task-49/run" in first
    assert "task-50/run" not in first
    assert "task-50/run" in second
    assert "Page 2 of 2" in site.client.get("/?page=99").text


def test_what_others_can_fill_is_shown_inert(tmp_path: Path) -> None:
    def hostile() -> str:
        """<script>hit()</script>"""
        run = rota.current_run()
        run.progress(1, 2, HOSTILE)
        run.logger.warning("%s \x1b[31mred\x00 %s", HOSTILE, "long" * 5000)
        if not run.cancelled:
            raise ValueError(HOSTILE)
        return HOSTILE

    name = HOSTILE.replace("\u202e", "")
    with Site(tmp_path, node=name) as site:
        site.add(hostile, name, name=name, description=HOSTILE, max_retries=0)
        site.manager.pause_task(name, reason=HOSTILE)
        run_id = site.manager.run_task(name, arguments=None)
        site.wait(run_id)
        link = re.search(r'href="(/tasks/[^"]+)"', site.client.get("/").text)
        assert link is not None
        for address in ("/", link[1], f"/runs/{run_id}", "/runs/<script>hit()", "/?page=<b>"):
            page = site.client.get(address, headers=HTML).text
            assert "<script>hit" not in page, address
            assert "<img" not in page, address
            assert "{{ 7" in page or "49" not in page
            assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", page), address


def test_no_page_holds_script_or_style_of_its_own(site: Site) -> None:
    site.add(greet)
    run_id = site.run("greet")
    for address in ("/", "/tasks/greet", f"/runs/{run_id}", "/nope"):
        page = site.client.get(address, headers=HTML).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page), address
        for source in re.findall(r'(?:src|href|action)="([^"]*)"', page):
            assert source.startswith(("/", "#", "?")), source
            assert not source.startswith("//")


@pytest.mark.parametrize("name", ["rota.css", "rota.js", "icons.svg", "icon.svg"])
def test_scripts_and_styles_come_from_here(standing: Site, name: str) -> None:
    answer = standing.client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_only_what_is_static_is_served(standing: Site) -> None:
    for path in ("../server.py", "..%2fserver.py", "%2e%2e/server.py", ""):
        assert standing.client.get(f"/static/{path}").status_code == 404
