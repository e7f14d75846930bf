"""The screen Tasks as a browser without JavaScript gets it."""

from __future__ import annotations

import re

from rota.core.run import State
from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Gate, Site, fail, greet


def names(page: str) -> list[str]:
    """Return the tasks that the table lists."""
    return re.findall(r'<a class="name" href="/tasks/([^"]+)"', page)


def test_a_line_says_when_how_long_and_how_late(site: Site) -> None:
    site.add(greet, name="Greet all", trigger="cron", times={"hour": 9}, timezone="Europe/Berlin")
    for _ in range(3):
        site.run("greet")
    line = part(site.client.get("/tasks").text, "task-greet")
    assert "Greet all" in line
    assert "every day at 09:00, Europe/Berlin" in line
    assert "Last 3 runs: 3 succeeded" in line
    assert re.search(r"Took \d+ ms p95 \d+ ms", line)


def test_a_strip_has_what_was_skipped_and_why(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold", times={"seconds": 1})
    site.run("hold", State.RUNNING)
    site.wait_for_a(State.SKIPPED, "hold")
    page = site.client.get("/tasks").text
    assert re.search(r"<title>skipped · \S+Z · [^<]*still[^<]*</title>", page)


def test_the_address_contains_the_filters(site: Site) -> None:
    site.add(greet, name="Greet all")
    site.add(fail, name="Unlucky", max_retries=0)
    site.add(greet, "rest", name="Resting")
    site.run("fail")
    site.manager.pause_task("rest")
    assert names(site.client.get("/tasks").text) == ["fail", "greet", "rest"]
    assert names(site.client.get("/tasks?state=failing").text) == ["fail"]
    assert names(site.client.get("/tasks?state=paused").text) == ["rest"]
    assert names(site.client.get("/tasks?q=GREET").text) == ["greet", "rest"]  # by its function
    assert names(site.client.get("/tasks?q=all+greet").text) == ["greet"]
    page = site.client.get("/tasks?q=rest&state=failing").text
    assert names(page) == []
    assert "No task fits" in text(page)
    assert 'href="?q=rest"' in page  # all of those that are named so
    assert names(site.client.get("/tasks?state=nonsense").text) == ["fail", "greet", "rest"]


def test_many_tasks_come_in_pages(site: Site) -> None:
    for number in range(26):
        site.add(greet, f"task-{number:02}")
    first, second = (site.client.get(f"/tasks?q=task&page={number}").text for number in (1, 2))
    assert names(first)[-1] == "task-24"
    assert 'href="?q=task&amp;page=2"' in first
    assert names(second) == ["task-25"]
    assert "Page 2 of 2" in site.client.get("/tasks?page=99").text


def test_the_tasks_with_a_tag_are_paused_and_resumed_together(site: Site) -> None:
    site.add(greet, tags=["db"])
    site.add(fail)
    page = site.client.get("/tasks?tag=db").text
    assert names(page) == ["greet"]
    assert "Pause all" in text(page)
    paused = site.client.post("/tags/db/pause", follow_redirects=True).text
    assert "The tasks with tag db are paused." in text(paused)
    assert "Resume all" in text(paused)
    still = site.client.post("/tasks/greet/resume", follow_redirects=True).text
    assert "is still paused by the pause of tag db." in text(still)
    resumed = site.client.post("/tags/db/resume", follow_redirects=True).text
    assert "The pause of tag db is over." in text(resumed)
    assert "Pause all" in text(resumed)


def test_a_task_is_disabled_and_enabled_on_its_page(site: Site) -> None:
    site.add(greet)
    disabled = site.client.post("/tasks/greet/disable", follow_redirects=True).text
    assert "is disabled." in text(disabled)
    assert 'action="/tasks/greet/enable"' in disabled
    enabled = site.client.post("/tasks/greet/enable", follow_redirects=True).text
    assert "is enabled." in text(enabled)
    assert 'action="/tasks/greet/disable"' in enabled
