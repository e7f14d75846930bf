"""What all screens share, in a real browser: refreshed in place, usable in every way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rota.core.run import State
from rota.core.time import SECOND, Instant
from rota.testing import eventually
from tests.browser.chrome import Browser
from tests.browser.looks import TOO_FAINT, TOO_WIDE, colours
from tests.integration.web.site import Gate, Site, fail, greet

TAB, ENTER = ("Tab", 9), ("Enter", 13)


def test_buttons_change_the_page_in_place(site: Site, browser: Browser, gate: Gate) -> None:
    site.add(gate.hold, "hold", name="Hold on")
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks")
    tab.js("window.same = true")
    tab.click("form[action='/tasks/hold/run'] button")
    tab.wait("document.querySelector('#task-hold').innerText.includes('running')")
    tab.click("form[action='/tasks/hold/pause'] button")
    tab.wait("document.querySelector('form[action=\"/tasks/hold/resume\"]')")
    assert tab.js("window.same")  # it was never loaded anew
    assert site.manager.get_task("hold").paused  # type: ignore[union-attr]
    tab.open(site.server.url)
    tab.wait("document.title.startsWith('1 running')")
    tab.click("#running button")
    tab.wait("document.querySelector('#recent').innerText.includes('cancelled')")
    assert tab.hits == []


def test_pressing_twice_runs_once(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks")
    form = "document.querySelector('form[action=\"/tasks/greet/run\"]')"
    tab.js(f"{form}.requestSubmit(); {form}.requestSubmit()")
    tab.wait("document.querySelector('#task-greet').innerText.includes('1 succeeded')")
    tab.js(f"{form}.requestSubmit()")
    tab.wait("document.querySelector('#task-greet').innerText.includes('2 succeeded')")
    assert len(site.harness.runs("greet")) == 2


def test_a_refused_button_says_why(site: Site, browser: Browser, gate: Gate) -> None:
    site.add(gate.hold, "hold")
    run_id = site.run("hold", State.RUNNING)
    tab = browser.tab()
    tab.open(f"{site.server.url}runs/{run_id}")
    tab.wait("document.querySelector('form[action$=\"/cancel\"]') !== null")
    gate.open.set()
    site.wait(run_id)
    tab.js("document.querySelector('form[action$=\"/cancel\"]').requestSubmit()")
    tab.wait("document.querySelector('#refused').checkVisibility()")
    assert "succeeded" in tab.js("document.querySelector('#refused').innerText")


def test_what_happens_elsewhere_comes_by_itself(site: Site, browser: Browser) -> None:
    tab = browser.tab()
    tab.open(site.server.url)
    assert "No tasks yet" in tab.js("document.body.innerText")
    site.add(greet, name="Greet all")
    tab.wait("document.querySelector('#coming')")
    site.run("greet")
    tab.wait("document.querySelector('#recent').innerText.includes('succeeded')")
    assert tab.hits == []


def test_a_stream_publishes_at_once_and_only_what_was_asked_for(
    site: Site, browser: Browser
) -> None:
    site.add(greet)
    site.add(greet, "other")
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks/greet")
    tab.wait("stream.readyState === EventSource.OPEN")
    tab.js("window.told = []; stream.addEventListener('run', (e) => told.push(JSON.parse(e.data)))")
    succeeded = "told.some((run) => run.task_id === '{}' && run.state === 'succeeded')"
    site.run("greet")
    tab.wait(succeeded.format("greet"))
    tab.js("window.asked = 0; soon = () => { asked += 1; }")
    site.run("other")
    tab.wait(succeeded.format("other"))
    assert tab.js("asked") == 0
    site.run("greet")
    tab.wait("asked > 0")
    assert tab.hits == []


def test_the_keyboard_is_enough_and_keeps_its_place(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.open(f"{site.server.url}tasks")
    focused = "document.activeElement?.closest('form')?.getAttribute('action')"
    for _ in range(30):
        tab.press(*TAB)
        if tab.js(focused) == "/tasks/greet/run":
            break
    ring = tab.js("getComputedStyle(document.activeElement).outlineStyle")
    assert (tab.js(focused), ring) == ("/tasks/greet/run", "solid")
    tab.press(*ENTER)
    tab.wait("document.querySelector('#task-greet').innerText.includes('1 succeeded')")
    assert tab.js(focused) == "/tasks/greet/run"
    assert len(site.harness.runs("greet")) == 1
    assert tab.hits == []


def test_a_lost_connection_is_shown_on_the_page(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.open(site.server.url)
    assert not tab.js("document.querySelector('#lost').checkVisibility()")
    port = site.server.port
    site.server.stop()
    tab.js("heard = 0")  # as if it had been silent for long
    tab.js("refresh()")
    tab.wait("document.querySelector('#lost').checkVisibility()")
    assert "What you see is old" in tab.js("document.querySelector('#lost').innerText")
    site.server = type(site.server)(site.manager, "127.0.0.1", port)
    site.server.start()
    tab.js("refresh()")
    tab.wait("!document.querySelector('#lost').checkVisibility()")


def test_a_ledger_that_is_away_is_waited_for(site: Site, browser: Browser, tmp_path: Path) -> None:
    site.add(greet)
    site.run("greet")
    files = [(file, tmp_path / f"away-{file.name}") for file in tmp_path.glob("rota.db*")]
    for here, away in files:
        here.rename(away)
    tab = browser.tab()
    tab.open(site.server.url)
    assert "503" in tab.js("document.querySelector('#problem').innerText")
    for here, away in files:
        away.rename(here)
    tab.wait("document.querySelector('#recent')?.innerText.includes('greet')")


def test_times_are_local_on_hover(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.send("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")
    tab.open(f"{site.server.url}tasks")
    tab.point("#task-greet time")
    title = tab.wait("/ here$/.exec(document.querySelector('#task-greet time').title)?.input")
    assert " UTC\n" in title
    assert "GMT+5:45 here" in title

    site.run("greet")
    tab.wait("document.querySelector('#task-greet svg a')")
    tab.point("#task-greet svg a")
    title = tab.js("document.querySelector('#task-greet svg a title').textContent")
    assert title.startswith("succeeded · ")
    assert " UTC\n" in title
    assert "GMT+5:45 here" in title


def test_every_mark_of_an_instant_shows_it_in_both_zones(
    site: Site, browser: Browser, gate: Gate
) -> None:
    site.add(greet, trigger="cron", times={"hour": "*"}, timezone="Europe/Berlin")
    site.add(fail, max_retries=0)
    site.add(gate.hold, "hold")
    site.run("greet")
    site.run("fail")
    site.run("hold", State.RUNNING)
    tab = browser.tab()
    tab.send("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")
    for address, selector in (
        ("", "#attention time"),
        ("", "#running [data-since]"),
        ("", "#coming [data-until]"),
        ("", "[data-clock]"),
        ("tasks/greet", "#upcoming [data-until]"),
        ("tasks/greet", "#timeline svg a"),
        ("timeline", "#lane-fail svg a"),
        ("timeline", "#lane-greet svg > g:last-of-type"),  # a run of just now may cover the first
        ("failures", ".f-bars g"),
        ("calendar?month=2030-03", ".jump"),
    ):
        tab.open(f"{site.server.url}{address}")
        one = f"document.querySelector({selector!r})"

        def title(selector: str = selector, one: str = one) -> str:
            # A refresh of the page puts the plain title back: point again, from somewhere else.
            tab.send("Input.dispatchMouseEvent", type="mouseMoved", x=0, y=0)
            tab.point(selector)
            told: str = tab.js(f"{one}.title || {one}.querySelector('title')?.textContent")
            return told if " UTC\n" in told else ""

        assert "GMT+5:45 here" in eventually(title, what=f"{address} {selector}")
    tab.open(f"{site.server.url}tasks/greet")
    tab.wait("document.querySelector('[data-plot=took][data-drawn] .u-over')")
    tab.point("[data-plot=took] .u-over")
    tab.wait("/ UTC · .* GMT.5:45 here/.test(document.querySelector('.plot output').textContent)")
    tab.open(f"{site.server.url}calendar")
    tab.point(".cal-date time")  # a day is no instant
    assert not tab.js("document.querySelector('.cal-date time').title")
    assert tab.hits == []


class Standstill:
    """A trigger that does not answer the clock, once it is told not to."""

    kind, jitter, timezone = "interval", 0, "UTC"
    end: int | None = None

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()

    def next_after(self, after: Instant) -> Instant:
        """Return the next whole second, in its own time."""
        self.go_on.wait(60)
        return after // SECOND * SECOND + SECOND

    def last_before(self, at: Instant) -> Instant:
        """Return the last whole second."""
        return at // SECOND * SECOND


@pytest.mark.slow
def test_a_clock_that_stops_ticking_is_shown_in_red(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.open(site.server.url)
    red = "document.querySelector('.notice.bad:not([hidden])')?.innerText"
    ticking, standstill = site.manager.services.engine.ticking, Standstill()
    ticking.put("standstill", standstill, site.harness.clock.now())
    try:
        standstill.go_on.clear()
        tab.wait(f"{red}?.includes('the clock has not ticked for')")
        assert tab.js("document.querySelector('.pill').innerText") == "degraded"
        assert tab.js(TOO_FAINT) == []
    finally:
        standstill.go_on.set()
    tab.wait(f"!{red}")
    assert tab.hits == []


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[str]]]:
    """Return a site with names that are too long, and the addresses of its pages."""
    with Site(tmp_path_factory.mktemp("crowded")) as site:
        site.add(greet, name="A name that is a good deal longer than a telephone is wide, surely")
        site.add(fail, "x" * 90, max_retries=0)
        site.add(greet, "rest", name="Resting")
        site.manager.pause_task("rest", reason="painters are in the house, and will be for days")
        run_id = site.run("x" * 90)
        good = site.run("greet")
        pages = ["", "tasks", "tasks/greet", "tasks/rest", f"tasks/{'x' * 90}"]
        yield site, [*pages, f"runs/{run_id}", f"runs/{good}", "nope"]


@pytest.mark.xdist_group("crowded")  # one site for all
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fits_and_can_be_read(
    crowded: tuple[Site, list[str]], browser: Browser, width: int
) -> None:
    site, addresses = crowded
    tab = browser.tab(width=width)
    for address in addresses:
        tab.open(f"{site.server.url}{address}")
        assert tab.js(TOO_WIDE) == [], address
        for scheme in ("light", "dark"):
            tab.prefer(scheme)
            assert tab.js(TOO_FAINT) == [], (address, scheme)
        assert len(colours(tab.picture())) > 20, address
        assert tab.hits == [], address
    browser.close_tabs()


def test_a_page_in_no_view_asks_for_nothing(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.open(site.server.url)
    tab.js("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    tab.js("document.dispatchEvent(new Event('visibilitychange'))")
    assert tab.js("stream === null && refresh() === null")
    tab.js("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
    tab.js("document.dispatchEvent(new Event('visibilitychange'))")
    tab.wait("stream !== null")
