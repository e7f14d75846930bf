"""The picture of a chain on the page of a task, and a retry of what others run after."""

from __future__ import annotations

import re

from rota.testing import eventually
from tests.integration.web.pages.read import part
from tests.integration.web.site import Site, fail, greet


def add_chain(site: Site) -> None:
    site.add(greet, "extract")
    site.add(greet, "lonely")
    site.add(greet, "<b>load&", trigger="after", times={"tasks": ["extract"]}, name="<b>Load&")
    site.add(fail, "report", trigger="after", times={"tasks": ["<b>load&", "extract"]})
    alert = {"tasks": ["report"], "on": "failure"}
    site.add(greet, "alert", trigger="after", times=alert)
    site.manager.services.engine.settle_registrations()


def picture(site: Site, id: str) -> str:
    whole = site.client.get(f"/tasks/{id}", headers={"Accept": "text/html"}).text
    return whole.partition('id="chain"')[2].partition("</section>")[0]


def test_a_task_shows_what_it_runs_after_and_what_runs_after_it(site: Site) -> None:
    add_chain(site)
    site.run("extract")
    found = picture(site, "report")
    said = dict(re.findall(r'<a class="node" href="([^"]+)"(.*)</a>', found))
    assert ">extract</span> " in said["/tasks/extract"]
    assert 'is-succeeded">succeeded<' in said["/tasks/extract"]
    assert 'title="alert, after report has failed">alert</span>' in said["/tasks/alert"]
    assert ">not run yet</span>" in said["/tasks/alert"]
    load = 'title="&lt;b&gt;Load&amp;, after extract has succeeded">&lt;b&gt;Load&amp;</span>'
    assert load in said["/tasks/%3Cb%3Eload%26"]
    current = [href for href, rest in said.items() if "aria-current" in rest]
    assert current == ["/tasks/report"]
    assert len(said) == 4 and found.count('class="edge on-success"') == 3
    assert found.count('class="edge on-failure"') == 1 and "Dashed: after a failure." in found
    assert "<b>" not in found


def test_a_task_without_a_chain_has_no_picture(site: Site) -> None:
    add_chain(site)
    assert picture(site, "lonely") == ""


def test_an_upstream_task_that_no_file_defines_is_in_the_picture(site: Site) -> None:
    site.add(greet, "load", trigger="after", times={"tasks": ["gone"]})
    site.manager.services.engine.settle_registrations()
    found = picture(site, "load")
    assert ">gone</span> " in found and ">unknown</span>" in found
    upcoming = part(site.client.get("/tasks/load").text, "upcoming")
    assert "It runs when the tasks before it in its chain have ended." in upcoming


def test_a_retry_over_rest_starts_the_tasks_after_it_only_if_asked(site: Site) -> None:
    site.add(fail, max_retries=0)
    after = {"tasks": ["fail"], "on": "failure"}
    site.add(greet, "alert", trigger="after", times=after)
    site.manager.services.engine.settle_registrations()
    first = site.run("fail")
    eventually(lambda: len(list(site.manager.runs(task_id="alert"))) == 1, what="the first alert")
    quiet = site.client.post(f"/manager/runs/{first}/retry").json()["id"]
    site.wait(quiet)
    asked = {"downstream": True, "reason": "all of it"}
    loud = site.client.post(f"/manager/runs/{first}/retry", json=asked).json()["id"]
    site.wait(loud)
    named = [run.upstream for run in site.manager.runs(task_id="alert")]
    assert named == [{"fail": loud}, {"fail": first}]
