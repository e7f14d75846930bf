"""The screens over all tasks in a real browser: timeline, calendar, failures, nodes, audit,
settings; and every screen with what others can fill."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

import rota
from rota.core.audit import Face
from rota.core.run import State
from rota.task_api.actor import acting
from rota.task_api.once import LONGEST_KEY
from tests.browser.chrome import Browser
from tests.browser.looks import TOO_FAINT, TOO_WIDE, colours
from tests.browser.screenshots import come_in
from tests.integration.web.pages.test_nodes import join
from tests.integration.web.site import Gate, Site, fail, greet

PLANTED = "</title></script><script>hit()</script>\"'><img src=x onerror=hit()><svg onload=hit()>"
LONG = "x" * 150
ADDRESSES = (
    "",
    "tasks",
    f"tasks?q={quote(PLANTED[:9])}&state=failing",
    f"tasks/{quote(f'{PLANTED}0', safe='')}",
    "tasks/chatty",
    "runs/{failed}",
    "runs/{compared}",
    f"runs/{quote(PLANTED, safe='')}",
    "timeline",
    "timeline?span=1h",
    "calendar",
    "failures",
    "nodes",
    "audit",
    f"audit?task={quote(PLANTED, safe='')}",
    "settings",
    "settings?only=given",
    f"sign-in?to=/{quote(PLANTED, safe='')}",
    f"sign-in?code={quote(PLANTED, safe='')}",
    quote(PLANTED, safe=""),
)


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[tuple[Site, dict[str, str]]]:
    """Return a site in which everything that others can fill is hostile, or much too long, and the
    ids of two runs: one that failed, one that differs from the last good one."""

    def raises() -> None:
        raise ValueError(f"{PLANTED}\u202e{LONG}")

    class Endless(Exception):
        """Has a name that nobody can read."""

    Endless.__name__ = PLANTED + LONG

    def unkind() -> None:
        raise Endless(PLANTED)

    def chatty(**arguments: str) -> dict[str, str]:
        run = rota.current_run()
        run.progress(1, 2, f"{PLANTED}\u202e{LONG}")
        for write in (run.logger.debug, run.logger.error):
            write("%s %s", PLANTED, LONG)
        rota.once(f"{PLANTED}{LONG}"[:LONGEST_KEY], lambda: f"{PLANTED}\u202e{LONG}")
        return {PLANTED: f"{PLANTED}{LONG}", **arguments}

    chatty.__doc__ = f"{PLANTED}\u202e{LONG}"
    directory = tmp_path_factory.mktemp("hostile")
    with Site(directory, node=PLANTED) as site:
        site.manager.config.app_name = PLANTED[:100]
        setattr(site.manager.config, PLANTED.replace(" ", ""), {PLANTED: f"{PLANTED}{LONG}"})
        (directory / "backgroundtask").mkdir()
        broken = directory / "backgroundtask" / "<img src=x onerror=hit()>.py"
        broken.write_text(f"raise ValueError({PLANTED + LONG!r})\nTASK_DEFINITIONS = []\n")
        assert site.manager.discover().errors
        for number, func in enumerate((raises, unkind)):
            site.add(func, f"{PLANTED}{number}", name=f"{PLANTED}{LONG}"[:200], max_retries=0)
            failed = site.run(f"{PLANTED}{number}")
        site.add(greet, LONG, times={"minutes": 1}, timezone="America/Argentina/ComodRivadavia")
        site.add(chatty, name=f"{PLANTED}{LONG}"[:200], max_retries=0)
        for number in range(2):
            arguments = {PLANTED.replace(" ", ""): f"{PLANTED}{LONG}{number}"}
            compared = site.manager.run_task("chatty", arguments=arguments, reason=PLANTED)
            site.wait(compared)
        with acting(Face.REST, f"{PLANTED}{LONG}"):
            site.manager.skip_next(f"{PLANTED}0", reason=f"{PLANTED}\u202e{LONG}")
            site.manager.pause_task(f"{PLANTED}0", reason=f"{PLANTED}\u202e{LONG}")
            site.manager.edit_task(f"{PLANTED}1", name="A better name", trigger_args={"hours": 7})
        site.manager.create_token(f"{PLANTED}{LONG}"[:200], "read")
        info = {
            "clock_ahead": -90,
            "stuck": {PLANTED: f"{PLANTED}{LONG}"},
            "blocked_loop": PLANTED + LONG,
        }
        join(site, f"{PLANTED}{LONG}", host=f"{PLANTED}{LONG}", version=LONG, info=info)
        join(site, LONG, state="gone", version=LONG)
        yield site, {"failed": failed, "compared": compared}
        browser.close_tabs()


@pytest.mark.xdist_group("hostile")  # one site for all
@pytest.mark.parametrize("width", [390, 1280])
def test_what_others_can_fill_does_nothing_and_fits(
    hostile: tuple[Site, dict[str, str]], browser: Browser, width: int
) -> None:
    (site, runs), tab = hostile, browser.tab(width=width)
    come_in(tab, site.manager, site.server)
    for address in ADDRESSES:
        tab.open(f"{site.server.url}{address.format(**runs)}")
        tab.js("refresh()")  # the same again, by way of the script
        tab.js("for (const one of document.querySelectorAll('details')) one.open = true")
        assert tab.js(TOO_WIDE) == [], address
        assert tab.js("document.querySelectorAll('main img, main script').length") == 0, address
        assert "\u202e" not in tab.js("document.documentElement.outerHTML")
        for scheme in ("light", "dark"):
            tab.prefer(scheme)
            assert tab.js(TOO_FAINT) == [], (address, scheme)
        assert len(colours(tab.picture())) > 20, address
        assert tab.hits == [], address


def test_a_timeline_grows_by_itself(site: Site, browser: Browser, gate: Gate) -> None:
    site.add(gate.hold, "hold", name="Hold on")
    tab = browser.tab()
    tab.open(f"{site.server.url}timeline?span=1h")
    site.run("hold", State.RUNNING)
    tab.wait("document.querySelector('#lane-hold .is-running')")
    gate.open.set()
    tab.wait("document.querySelector('#lane-hold .is-succeeded')")
    tab.click(".chips a[href*='7d']")
    tab.wait("location.search === '?span=7d' && document.querySelector('#lane-hold')")
    assert tab.hits == []


def test_failures_are_retried_together(site: Site, browser: Browser) -> None:
    site.add(fail, name="Unlucky", max_retries=0)
    site.run("fail")
    site.run("fail")
    tab = browser.tab(width=390)
    tab.open(f"{site.server.url}failures")
    tab.click("[popovertarget^='retry-']")
    tab.wait("document.activeElement.name === 'reason'")
    tab.write("mended")
    tab.js("refresh()")  # leaves alone what is being filled in
    assert tab.js("document.activeElement.value") == "mended"
    tab.click(":popover-open .strong")
    tab.wait("!document.querySelector(':popover-open')")
    tab.wait("document.querySelector('#said').innerText.includes('2 runs are retried.')")
    site.harness.ended("fail", 4)
    tab.wait("document.querySelector('.f-count').innerText.includes('4')")
    tab.open(f"{site.server.url}audit?verb=retry")
    assert tab.js("document.querySelectorAll('.audit tbody tr').length") == 2
    assert "mended" in tab.js("document.querySelector('.audit').innerText")
    assert tab.hits == []


def test_the_audit_is_sifted_while_one_chooses(site: Site, browser: Browser) -> None:
    site.add(greet)
    site.manager.pause_task("greet", reason="painters")
    site.manager.resume_task("greet")
    tab = browser.tab()
    tab.open(f"{site.server.url}audit")
    rows = "document.querySelectorAll('.audit tbody tr').length"
    assert tab.js(rows) == 2
    tab.js("document.querySelector('[name=verb]').value = 'pause'")
    tab.js(
        "document.querySelector('[name=verb]').dispatchEvent(new Event('change', {bubbles: true}))"
    )
    tab.wait(f"{rows} === 1")
    tab.wait("location.search.includes('verb=pause')")
    assert "painters" in tab.js("document.querySelector('.audit').innerText")
    assert tab.hits == []


def test_months_are_leafed_through(site: Site, browser: Browser) -> None:
    site.add(greet, times={"minutes": 1})
    tab = browser.tab()
    tab.open(f"{site.server.url}calendar")
    tab.click("[rel=next]")
    tab.wait("location.search.startsWith('?month=') && document.readyState === 'complete'")
    assert "planned" in tab.js("document.querySelector('.calendar').innerText")
    tab.click(".chips a[href$='/calendar']")
    tab.wait("location.search === '' && document.querySelector('[aria-current=date]')")
    assert tab.hits == []
