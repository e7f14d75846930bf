"""The screen Audit as a browser without JavaScript gets it."""

from __future__ import annotations

from rota.core.audit import Face
from rota.task_api.actor import acting
from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Site, greet


def test_a_change_says_who_what_and_why(site: Site) -> None:
    site.add(greet, name="Greet all")
    with acting(Face.CLI, "ada"):
        site.manager.edit_task("greet", name="Greet some")
        site.manager.pause_task("greet", reason="painters")
    run_id = site.run("greet")
    told = part(site.client.get("/audit").text, "audit-task")
    assert "ada on the command line pause Greet some paused: false true painters" in told
    assert "edit Greet some name: Greet all Greet some" in told
    assert f"a user in code run Greet some run …{run_id[-6:]}" in told


def test_the_address_contains_the_filters_of_a_page(site: Site) -> None:
    site.add(greet)
    site.add(greet, "other")
    with acting(Face.CLI):
        site.manager.pause_task("greet", reason="one reason")
    site.manager.pause_task("other", reason="another one")

    def shown(query: str) -> tuple[bool, bool]:
        page = text(site.client.get(f"/audit?{query}").text)
        return "one reason" in page, "another one" in page

    assert shown("") == shown("verb=pause") == shown("verb=nonsense") == (True, True)
    assert shown("task=greet") == shown("face=cli") == (True, False)
    assert shown("verb=resume") == (False, False)
    assert "No change fits." in site.client.get("/audit?verb=resume").text


def test_older_changes_are_a_page_further(site: Site) -> None:
    site.add(greet)
    for number in range(51):
        site.manager.run_task("greet", reason=f"number {number:02}")
    page = site.client.get("/audit?verb=run").text
    assert "number 50" in page
    assert "number 00" not in page
    older = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "number 00" in site.client.get(f"/audit{older}").text


def test_nothing_was_changed(site: Site) -> None:
    assert "No changes yet" in site.client.get("/audit").text


def test_reasons_and_names_are_inert(site: Site) -> None:
    planted = "<img src=x onerror=hit()>\u202e"
    site.add(greet, planted, name=planted)
    with acting(Face.REST, planted):
        site.manager.pause_task(planted, reason=planted)
        site.manager.edit_task(planted, trigger_args={"hours": 7})
    page = site.client.get("/audit").text
    assert "<img" not in page
    assert "\u202e" not in page
