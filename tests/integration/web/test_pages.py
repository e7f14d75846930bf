"""The pages as a browser without JavaScript gets them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

import rota
from rota.web.pages.layout import notices
from rota.web.pages.rendering import environment
from tests.integration.web.pages.read import text
from tests.integration.web.site import Site, greet

HTML = {"Accept": "text/html"}
HOSTILE = "<script>hit()</script>\"'><img src=x onerror=hit()>{{ 7 * 7 }}\u202e"


def test_buttons_work_without_a_script(site: Site) -> None:
    site.add(greet)
    answer = site.client.post("/tasks/greet/pause", follow_redirects=True)
    assert "Paused until it is resumed: paused on the page" in text(answer.text)
    site.client.post("/tasks/greet/resume")
    answer = site.client.post("/tasks/greet/run", headers={"Referer": site.server.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert len(site.harness.ended("greet")) == 1
    assert "succeeded" in site.client.get("/").text


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
        for address in (
            "/",
            "/tasks",
            f"/tasks?q={quote(HOSTILE)}&state=<b>",
            link[1],
            f"/runs/{run_id}",
            "/runs/<script>hit()",
            "/tasks?page=<b>",
        ):
            page = site.client.get(address, headers=HTML).text
            assert "<script>hit" not in page, address
            assert "<img" not in page, address
            assert "{{ 7" in page or "49" not in page
            assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", page), address


def test_no_page_holds_script_or_style_of_its_own(site: Site) -> None:
    site.add(greet)
    run_id = site.run("greet")
    for address in ("/", "/tasks", "/tasks/greet", f"/runs/{run_id}", "/nope"):
        page = site.client.get(address, headers=HTML).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page), address
        for source in re.findall(r'\s(?:src|href|action)="([^"]*)"', page):
            assert source.startswith(("/", "#", "?")), source
            assert not source.startswith("//")


@pytest.mark.parametrize(
    ("tick_age", "ledger", "kind"),
    [(6.0, "ok", "bad"), (0.3, "away", "bad"), (0.3, "slow", "warn"), (0.3, "ok", "warn")],
)
def test_what_is_grave_is_a_red_banner(tick_age: float, ledger: str, kind: str) -> None:
    health = {
        "status": "degraded",
        "reasons": ["for a reason"],
        "node": "n",
        "tick_age": tick_age,
        "ledger": {"state": ledger},
    }
    template = environment().from_string('{% extends "base.html" %}{% block title %}{% endblock %}')
    frame = {
        "base": "",
        "screens": (),
        "here": "",
        "about": "",
        "app_name": "rota",
        "now": 0,
        "right": "",
    }
    page = template.render(health=health, **frame, **notices(health))
    assert re.findall(r'<p class="notice (\w+)">.*for a reason', page) == [kind]


@pytest.mark.parametrize(
    "name", ["rota.css", "rota.js", "log.js", "plots.js", "icons.svg", "icon.svg"]
)
def test_scripts_and_styles_come_from_here(standing: Site, name: str) -> None:
    answer = standing.client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_only_what_is_static_is_served(standing: Site) -> None:
    for path in ("../server.py", "..%2fserver.py", "%2e%2e/server.py", ""):
        assert standing.client.get(f"/static/{path}").status_code == 404
