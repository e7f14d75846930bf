"""The screen of a run as a browser without JavaScript gets it."""

from __future__ import annotations

import html
import re

import rota
from rota.core.run import State
from rota.testing import eventually
from rota.web.pages.screens.run import MOST_CHANGED
from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Gate, Site, fail, greet

HTML = {"Accept": "text/html"}


def test_a_run_has_its_log_and_result(site: Site) -> None:
    site.add(greet)
    page = site.client.get(f"/runs/{site.run('greet')}").text
    assert "INFO hello" in part(page, "lines")
    assert "WARNING and good night" in part(page, "lines")
    assert "&#34;said&#34;: &#34;hello&#34;" in part(page, "values")
    assert "manual start" in part(page, "facts")


def nested() -> object:
    """Return more than anybody reads."""
    value: object = 1
    for _ in range(900):
        value = [value]
    return value


def test_a_result_that_is_nested_too_deep_is_shown_as_text(site: Site) -> None:
    site.add(nested)
    for _ in range(2):  # the second beside the first
        run_id = site.run("nested")
        assert site.client.get(f"/runs/{run_id}").status_code == 200
        assert site.client.get(f"/manager/runs/{run_id}").json()["result"].startswith("[[[")


def test_attempts_are_lanes_with_the_line_that_raised(site: Site) -> None:
    site.add(fail, max_retries=1, retry_delay=0)
    page = site.client.get(f"/runs/{site.run('fail')}").text
    attempts = part(page, "attempts")
    assert attempts.count("ValueError: no such luck") >= 2
    assert attempts.count("Traceback (most recent call last)") == 2
    assert re.search(
        r"raise ValueError\(&#34;no such luck&#34;\) \S*site\.py:\d+, in fail", attempts
    )
    bars = re.findall(r'<rect class="span" x="([\d.]+)%" width="([\d.]+)%"', page)
    (first, _), (second, wide) = [(float(left), float(width)) for left, width in bars]
    assert first == 0 < second
    assert abs(second + wide - 100) < 0.1


def test_a_run_is_compared_with_the_last_good_one(site: Site, gate: Gate) -> None:
    def moody() -> str:
        if gate.open.is_set():
            rota.current_run().logger.error("so bad")
            raise ValueError("not today")
        return "fine"

    site.add(moody, max_retries=0)
    good = site.run("moody")
    assert 'id="compared"' not in site.client.get(f"/runs/{good}").text
    gate.open.set()
    site.run("moody")  # bad as well, and so not compared with
    page = site.client.get(f"/runs/{site.run('moody')}").text
    compared = part(page, "compared")
    assert f"/runs/{good}" in page
    assert "Log lines 1 0" in compared
    assert "Warnings and errors 1 0" in compared
    assert "Result none here" in compared


def test_what_changed_since_the_last_good_run_is_listed(site: Site) -> None:
    def count(shelf: str = "", secret: str = "a") -> dict[str, object]:
        return {"books": len(shelf), "names": list(shelf), "token": secret, "shop": "harbour"}

    site.add(count, max_retries=0)
    runs = [
        site.manager.run_task("count", arguments={"shelf": shelf, "secret": shelf})
        for shelf in ("ab", "abc")
    ]
    for run_id in runs:
        site.wait(run_id, State.SUCCEEDED)
    page = site.client.get(f"/runs/{runs[1]}").text
    compared, _, _ = html.unescape(part(page, "compared")).partition("Arguments {")
    for line in (
        'arguments.shelf "abc" "ab"',
        "result.books 3 2",
        'result.names[2] "c" not there',
        "Result another here",
    ):
        assert line in compared, compared
    for same in ("secret", "token", "result.shop"):
        assert same not in compared


def test_a_run_is_cancelled_on_its_page(site: Site, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    run_id = site.run("hold", State.RUNNING)
    assert f'action="/runs/{run_id}/cancel"' in site.client.get(f"/runs/{run_id}").text
    site.client.post(f"/runs/{run_id}/cancel")
    site.wait(run_id)
    assert "cancelled on the page" in site.client.get(f"/runs/{run_id}").text


def test_what_failed_is_tried_again_with_its_arguments(site: Site, gate: Gate) -> None:
    def moody(mood: str = "") -> str:
        if not gate.open.is_set():
            raise ValueError("not today")
        return mood

    site.add(moody, max_retries=0)
    failed = site.manager.run_task("moody", arguments={"mood": "merry"})
    site.wait(failed)
    gate.open.set()
    assert f'action="/runs/{failed}/retry"' in site.client.get(f"/runs/{failed}").text
    answer = site.client.post(f"/runs/{failed}/retry")
    assert answer.status_code == 303
    assert site.harness.ended("moody", 2)[1].result == "merry"
    page = site.client.get(f"/runs/{failed}").text
    assert "a user on the page retry" in part(page, "audit")
    page = site.client.get(answer.headers["location"]).text
    assert "/retry" not in page  # it has succeeded
    assert f"retry of run {failed}" in part(page, "audit")


def test_a_refused_button_explains_itself(site: Site) -> None:
    site.add(greet)
    run_id = site.run("greet")
    answer = site.client.post(f"/runs/{run_id}/cancel", headers=HTML)
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to Now" in answer.text


def test_a_refresh_does_not_read_the_log_of_what_still_runs(site: Site, gate: Gate) -> None:
    async def talk() -> None:
        rota.current_run().logger.info("first line")
        await gate.hold()

    site.add(talk)
    run_id = site.run("talk", State.RUNNING)
    address = f"/runs/{run_id}"
    eventually(lambda: "first line" in site.client.get(address).text, what="its first line")
    refresh = site.client.get(address, headers={"HX-Request": "true"}).text
    assert "first line" not in text(refresh)


def test_of_many_differences_the_first_are_listed(site: Site) -> None:
    def count(first: int = 0) -> list[int]:
        return list(range(first, first + 100))

    site.add(count)
    for first in (0, 1):
        run_id = site.manager.run_task("count", arguments={"first": first})
        site.wait(run_id)
    page = site.client.get(f"/runs/{run_id}").text
    compared = part(page, "compared")
    assert "arguments.first 1 0" in compared
    assert f"result[{MOST_CHANGED - 2}]" in compared
    assert f"result[{MOST_CHANGED - 1}]" not in compared
    assert "They differ in more places" in compared
