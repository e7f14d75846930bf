"""The screen Timeline as a browser without JavaScript gets it."""

from __future__ import annotations

import re

import pytest

from rota.core.run import State
from tests.integration.web.pages.read import text
from tests.integration.web.site import Gate, Site, fail, greet


def lane(page: str, id: str) -> str:
    """Return the lane of a task."""
    return page[page.index(f'id="lane-{id}"') :].partition("</svg>")[0]


def test_what_was_goes_on_and_is_planned_are_bars(site: Site, gate: Gate) -> None:
    site.add(greet, name="Greet all", times={"minutes": 2})
    site.add(fail, max_retries=0)
    site.add(gate.hold, "hold")
    greeted, failed, held = site.run("greet"), site.run("fail"), site.run("hold", State.RUNNING)
    page = site.client.get("/timeline?span=1h").text
    assert "Greet all" in lane(page, "greet")
    assert f'href="/runs/{greeted}"' in lane(page, "greet")
    assert "<title>planned · " in lane(page, "greet")
    assert 'fill="url(#hatch)"' in lane(page, "greet")
    assert f'href="/runs/{failed}"' in lane(page, "fail")
    assert f'href="/runs/{held}"' in lane(page, "hold")
    assert "At once at most" in text(page)
    assert re.search(r'<path d="M0 40V[\d.]+h1', page)
    assert " style=" not in page  # the policy of the pages forbids it


def test_what_waits_keeps_nothing_from_being_drawn(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    site.run("hold", State.RUNNING)
    site.run("hold", State.QUEUED)
    answer = site.client.get("/timeline?span=1h")
    assert answer.status_code == 200
    assert 'id="lane-hold"' in answer.text


def test_tasks_without_anything_in_this_time_are_only_counted(site: Site) -> None:
    site.add(greet)
    site.run("greet")
    site.add(fail)  # in a thousand hours
    page = site.client.get("/timeline?span=1h").text
    assert 'id="lane-fail"' not in page
    assert "1 task has nothing in this time" in text(page)


def test_many_tasks_come_in_pages(site: Site) -> None:
    for number in range(41):
        site.add(greet, f"task-{number:02}", times={"minutes": 3})
    first, second = (site.client.get(f"/timeline?page={number}").text for number in (1, 99))
    assert (first.count('id="lane-'), second.count('id="lane-')) == (40, 1)
    assert 'href="?page=2"' not in second
    assert "span=24h&amp;page=2" in first


def test_nothing_ran(site: Site) -> None:
    assert "There are no tasks yet." in text(site.client.get("/timeline").text)


@pytest.mark.parametrize("span", ["1h", "6h", "24h", "3d", "7d", "<b>"])
def test_every_span_is_drawn_and_hostile_names_are_inert(standing: Site, span: str) -> None:
    planted = "</title><script>hit()</script>\u202e"
    standing.add(greet, planted, name=planted, times={"minutes": 1})
    page = standing.client.get("/timeline", params={"span": span}).text
    assert "<script>hit" not in page
    assert "\u202e" not in page
    standing.manager.remove_task(planted)
