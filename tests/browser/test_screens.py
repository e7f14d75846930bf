"""The screens in a real browser: found, run, paused, followed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator

import rota
from rota.core.run import State
from rota.testing import eventually
from tests.browser.chrome import Browser
from tests.integration.web.site import Gate, Site, fail, greet


async def order(title: str, copies: int = 1) -> list[Any]:
    """Order a book."""
    return [title, copies]


PLANTED = "</script><script>hit()</script>\"'><img src=x onerror=hit()><svg onload=hit()>"


def test_tasks_are_found_while_one_types(site: Site, browser: Browser) -> None:
    site.add(greet, name="Greet all")
    site.add(fail, name="Unlucky", max_retries=0)
    site.run("fail")
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks")
    tab.js("document.querySelector('#q').focus()")
    tab.write("unl")
    tab.wait("document.querySelectorAll('.tasks tbody tr').length === 1")
    assert tab.js("document.activeElement.value") == "unl"
    tab.wait("location.search === '?q=unl'")
    tab.js("refresh()")  # keeps both
    assert tab.js("document.querySelectorAll('.tasks tbody tr').length") == 1
    tab.click(".chips a[href*='failing']")
    tab.wait("location.search === '?q=unl&state=failing' && document.readyState === 'complete'")
    assert tab.js("document.querySelector('#q').value") == "unl"
    assert "Unlucky" in tab.js("document.querySelector('.tasks').innerText")
    assert tab.hits == []


def test_a_task_is_run_with_parameters_and_paused(site: Site, browser: Browser) -> None:
    site.add(order, kwargs={"title": "Emma"})
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks/order")
    tab.click("[popovertarget='run-form']")
    tab.wait("document.activeElement.name === 'arg-title'")
    tab.write("Persuasion")
    tab.js("refresh()")  # leaves alone what is being filled in
    tab.click("#run-form .strong")
    tab.wait("document.querySelector('#recent').innerText.includes('succeeded')")
    tab.wait("!document.querySelector(':popover-open')")
    assert site.harness.runs("order")[0].result == ["Persuasion", 1]
    tab.click("[popovertarget='pause-form']")
    tab.wait("document.activeElement.name === 'reason'")
    tab.write("painters")
    tab.click("#pause-form .strong")
    tab.wait("document.querySelector('#head').innerText.includes('painters')")
    tab.click("form[action$='/resume'] button")
    tab.wait("document.querySelector('#head [popovertarget=\"pause-form\"]')")
    assert not site.manager.get_task("order").paused  # type: ignore[union-attr]
    assert tab.hits == []


def test_run_asks_for_parameters_and_says_what_came_of_it(site: Site, browser: Browser) -> None:
    site.add(order, name="Order books", kwargs={"title": "Emma"})
    tab = browser.tab(width=390)
    tab.open(f"{site.server.url}tasks")
    tab.js("document.querySelector('a[href$=\"/tasks/order#run-form\"]').click()")
    tab.wait("location.pathname === '/tasks/order' && document.activeElement?.name === 'arg-title'")
    assert not site.harness.runs("order")
    tab.press("Escape", 27)
    tab.wait("!document.querySelector(':popover-open')")
    assert tab.js("document.activeElement.getAttribute('popovertarget')") == "run-form"
    assert tab.js("location.hash") == ""  # loaded again, it stays closed
    tab.click("[popovertarget='run-form']")
    tab.click("#run-form .strong")
    tab.wait("document.querySelector('#said').innerText.includes('Order books is started.')")
    tab.wait("document.querySelector('#recent').innerText.includes('succeeded')")
    tab.js("refresh()")
    run = site.harness.runs("order")[0].id
    assert tab.js("document.querySelector('#said a').getAttribute('href')") == f"/runs/{run}"
    tab.click("[data-dismiss]")
    assert tab.js("document.querySelector('#said').innerText") == ""
    assert tab.hits == []


def test_a_task_without_parameters_is_run_later_once_for_a_key(
    site: Site, browser: Browser
) -> None:
    site.add(greet)
    tab = browser.tab(width=390)
    tab.open(f"{site.server.url}tasks/greet")
    tab.click("[popovertarget='run-form']")
    tab.wait("document.activeElement.name === 'run_at'")
    tab.js("document.querySelector('#run-form details').open = false")
    tab.js("document.querySelector('#run-form [name=delay]').value = '2'")
    tab.js("document.querySelector('#run-form [name=key]').value = 'k'")
    tab.js("document.querySelector('#run-form [name=priority]').value = 'high'")
    tab.click("#run-form .strong")
    tab.wait("document.querySelector('#run-form details').open")
    tab.wait("document.activeElement.name === 'priority'")
    tab.js("document.querySelector('#run-form [name=priority]').value = '5'")
    tab.click("#run-form .strong")
    tab.wait("document.querySelector('#said').innerText.includes('waits for its time')")
    (run,) = site.harness.runs("greet")
    assert (run.state, run.key, run.priority) == ("scheduled", "k", 5)
    assert run.available_at - run.created_at == 120_000_000
    assert tab.js("document.documentElement.scrollWidth") <= 390
    assert tab.hits == []


def test_invalid_parameters_are_reported_and_kept_in_the_form(site: Site, browser: Browser) -> None:
    site.add(order, kwargs={"title": "Emma"})
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks/order")
    tab.click("[popovertarget='run-form']")
    tab.js("document.querySelector('[name=arg-copies]').value = 'two'")
    tab.click("#run-form .strong")
    tab.wait("document.querySelector('#refused').checkVisibility()")
    assert "'two' is not a whole number" in tab.js("document.querySelector('#refused').innerText")
    assert tab.js("document.querySelector('[name=arg-copies]').value") == "two"
    assert tab.js("document.activeElement.name") == "arg-copies"
    told = "document.getElementById(document.activeElement.getAttribute('aria-describedby'))"
    tab.wait(f"{told}.checkVisibility()")
    assert "is not a whole number" in tab.js(f"{told}.innerText")
    assert site.harness.runs("order") == []


def test_what_a_form_asks_for_may_take_longer_than_a_refresh(
    site: Site, browser: Browser, gate: Gate
) -> None:
    def once_let_through(value: object) -> object:
        gate.open.wait(90)
        return value

    async def count(copies: int) -> None:
        """Count the copies."""

    count.__annotations__["copies"] = Annotated[int, BeforeValidator(once_let_through)]
    gate.open.set()
    site.add(count, kwargs={"copies": 1})
    gate.open.clear()
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks/count")
    tab.click("[popovertarget='run-form']")
    tab.js("document.querySelector('[name=arg-copies]').value = 'two'")
    tab.js("window.began = performance.now()")
    tab.click("#run-form .strong")
    tab.wait(
        "performance.now() > began + 6000 || document.querySelector('#refused').checkVisibility()"
    )
    assert tab.js("document.querySelector('#refused').innerText") == ""
    gate.open.set()
    tab.wait("document.querySelector('#refused').checkVisibility()")
    assert "integer" in tab.js("document.querySelector('#refused').innerText")


def test_plots_are_drawn_and_again_when_there_is_more(site: Site, browser: Browser) -> None:
    site.add(greet)
    site.run("greet")
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks/greet")
    tab.wait("document.querySelectorAll('[data-drawn] canvas').length === 2")
    newest = site.run("greet")
    tab.wait(f"document.querySelectorAll('[data-drawn=\"{newest}\"] canvas').length === 2")
    assert tab.hits == []


def test_a_log_is_followed_searched_and_sifted(site: Site, browser: Browser, gate: Gate) -> None:
    async def talk() -> None:
        for number in range(200):
            rota.current_run().logger.info("line %d", number)
        await gate.hold()
        rota.current_run().logger.warning("last <b>line</b> \x1b[0m")

    site.add(talk)
    run_id = site.run("talk", State.RUNNING)
    eventually(lambda: len(site.manager.history.logs(run_id)) == 200, what="its first lines")
    tab = browser.tab()
    tab.open(f"{site.server.url}runs/{run_id}")
    tab.wait("document.querySelectorAll('.log li').length === 200")
    at_end = "log.scrollHeight - log.scrollTop - log.clientHeight < 5"
    assert tab.js(at_end)
    gate.open.set()
    site.wait(run_id)
    tab.js("refresh()")
    tab.wait("document.querySelector('.log').innerText.includes('last <b>line</b> ␛[0m')")
    tab.wait("document.querySelector('#head').innerText.includes('succeeded')")
    assert tab.js("document.querySelectorAll('.log li').length") == 201
    assert tab.js(at_end)
    tab.js("document.querySelector('#log-search').focus()")
    tab.write("LINE 19")
    tab.wait("document.querySelector('#log-count').innerText === '11 of 201 lines'")
    tab.js("search.value = ''; level.value = '2'; level.dispatchEvent(new Event('input'))")
    tab.wait("document.querySelector('#log-count').innerText === '1 of 201 lines'")
    assert tab.hits == []


def test_open_details_stay_open(site: Site, browser: Browser) -> None:
    site.add(fail, max_retries=0)
    run_id = site.run("fail")
    tab = browser.tab()
    tab.open(f"{site.server.url}runs/{run_id}")
    tab.click("summary")
    tab.wait("document.querySelector('details').open")
    tab.js("refresh()")
    assert tab.js("document.querySelector('details').open")
    assert tab.js("document.querySelector('details').innerText").count("no such luck") >= 1


def test_what_others_can_fill_does_nothing(tmp_path: Path, browser: Browser) -> None:
    def hostile(argument: str = PLANTED) -> str:
        run = rota.current_run()
        run.progress(1, 2, PLANTED)
        run.logger.warning(PLANTED)
        if run.attempt == 1:
            raise ValueError(PLANTED)
        return PLANTED

    with Site(tmp_path, node=PLANTED) as site:
        hostile.__doc__ = PLANTED
        site.add(hostile, PLANTED, name=PLANTED, max_retries=1, retry_delay=0)
        run_id = site.run(PLANTED)
        site.manager.pause_task(PLANTED, reason=PLANTED)
        tab = browser.tab()
        task = f"tasks/{quote(PLANTED, safe='')}"
        for address in ("", "tasks", f"tasks?q={quote(PLANTED[:8])}", task, f"runs/{run_id}"):
            tab.open(f"{site.server.url}{address}")
            assert PLANTED[:20] in tab.js("document.body.textContent + (window.q?.value ?? '')")
            tab.js("refresh()")  # the same again, by way of the script
            assert tab.js("document.querySelectorAll('main img, main script').length") == 0
            assert tab.hits == [], address
        browser.close_tabs()


def test_signing_in_with_a_link_and_making_a_token(tmp_path: Path, browser: Browser) -> None:
    with Site(tmp_path, access="token") as site:
        site.add(greet)
        code = site.manager.create_code("link").secret
        tab = browser.tab()
        tab.open(f"{site.server.url}sign-in?code={code}")
        tab.click("#sign-in .button")
        tab.wait("location.pathname === '/'")
        assert "code" not in tab.js("location.href")
        assert tab.js("document.cookie") == ""  # no script may read it
        tab.open(f"{site.server.url}settings")
        tab.click("[popovertarget='token-form']")
        tab.write(PLANTED)
        tab.click("#token-form .button.strong")
        tab.wait("document.querySelector('#secret')?.innerText.startsWith('rota_')")
        made = next(token for token in site.manager.tokens() if token.name == PLANTED)
        assert made.right == "read"
        assert PLANTED in tab.js("document.querySelector('#token').innerText")
        assert tab.js("document.querySelectorAll('main img, main script').length") == 0
        site.manager.create_token("reader", "read")
        assert tab.hits == []
        browser.close_tabs()


def test_who_may_only_read_is_offered_nothing_else(tmp_path: Path, browser: Browser) -> None:
    with Site(tmp_path, access="token") as site:
        site.add(greet)
        secret = site.manager.create_token("reader", "read").secret
        tab = browser.tab()
        tab.open(f"{site.server.url}sign-in?to=/tasks/greet")
        tab.wait("document.activeElement.name === 'secret'")
        tab.write(secret)
        tab.press("Enter", 13)
        tab.wait("location.pathname === '/tasks/greet' && document.readyState === 'complete'")
        shown = "[...document.querySelectorAll('button')].filter(b => b.checkVisibility()).length"
        assert tab.js(shown) == 0
        tab.open(f"{site.server.url}settings")
        assert tab.js("document.querySelector('[action$=sign-out]').checkVisibility()")
        tab.click("[action$=sign-out] button")
        tab.wait("location.pathname === '/sign-in'")
        assert tab.hits == []
        browser.close_tabs()
