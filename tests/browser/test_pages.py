"""The pages in a real browser: refreshed in place, usable in every way, inert."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import rota
from rota.core.run import State
from tests.browser.chrome import Browser
from tests.integration.web.site import Gate, Site, fail, greet

TAB, ENTER = ("Tab", 9), ("Enter", 13)


def test_buttons_change_the_page_in_place(site: Site, browser: Browser, gate: Gate) -> None:
    site.add(gate.hold, "hold", name="Hold on")
    tab = browser.tab()
    tab.open(site.server.url)
    tab.js("window.same = true")
    tab.click("form[action='/tasks/hold/run'] button")
    tab.wait("document.querySelector('#running').innerText.includes('Hold on')")
    tab.wait("document.title.startsWith('1 running')")
    tab.click("#running button")
    tab.wait("document.querySelector('#recent').innerText.includes('cancelled')")
    tab.click("form[action='/tasks/hold/pause'] button")
    tab.wait("document.querySelector('#tasks').innerText.includes('paused')")
    assert tab.js("window.same")  # it was never loaded anew
    assert site.manager.get_task("hold").paused  # type: ignore[union-attr]
    assert tab.hits == []


def test_what_happens_elsewhere_comes_by_itself(site: Site, browser: Browser) -> None:
    tab = browser.tab()
    tab.open(site.server.url)
    assert "No tasks yet" in tab.js("document.body.innerText")
    site.add(greet, name="Greet all")
    tab.wait("document.querySelector('#tasks')?.innerText.includes('Greet all')")
    site.run("greet")
    tab.wait("document.querySelector('#recent').innerText.includes('succeeded')")
    assert tab.hits == []


def test_a_log_is_followed(site: Site, browser: Browser, gate: Gate) -> None:
    async def talk() -> None:
        rota.current_run().logger.info("first line")
        await gate.hold()
        rota.current_run().logger.warning("last <b>line</b> \x1b[0m")

    site.add(talk)
    run_id = site.run("talk", State.RUNNING)
    tab = browser.tab()
    tab.open(f"{site.server.url}runs/{run_id}")
    tab.wait("document.querySelector('.log').innerText.includes('first line')")
    gate.open.set()
    site.wait(run_id)
    tab.js("refresh()")
    tab.wait("document.querySelector('.log').innerText.includes('last <b>line</b> ␛[0m')")
    tab.wait("document.querySelector('#head').innerText.includes('succeeded')")
    assert tab.js("document.querySelectorAll('.log li').length") == 2
    assert tab.hits == []


def test_the_keyboard_keeps_its_place(site: Site, browser: Browser) -> None:
    site.add(greet)
    tab = browser.tab()
    tab.open(site.server.url)
    focused = "document.activeElement?.closest('form')?.getAttribute('action')"
    for _ in range(20):
        tab.press(*TAB)
        if tab.js(focused) == "/tasks/greet/run":
            break
    ring = tab.js("getComputedStyle(document.activeElement).outlineStyle")
    assert (tab.js(focused), ring) == ("/tasks/greet/run", "solid")
    tab.js("document.activeElement.click()")
    tab.wait("document.querySelector('#recent').innerText.includes('succeeded')")
    assert tab.js(focused) == "/tasks/greet/run"
    assert tab.hits == []


def test_lost_contact_is_said(site: Site, browser: Browser) -> None:
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


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[str]]]:
    """Return a site with names that are too long, and the addresses of its pages."""
    with Site(tmp_path_factory.mktemp("crowded")) as site:
        site.add(greet, name="A name that is a good deal longer than a telephone is wide, surely")
        site.add(fail, "x" * 90, max_retries=0)
        site.run("greet")
        yield site, ["", "tasks/greet", f"runs/{site.run('x' * 90)}", "nope"]


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fits_and_can_be_read(
    crowded: tuple[Site, list[str]], browser: Browser, width: int
) -> None:
    site, addresses = crowded
    tab = browser.tab(width=width)
    for address in addresses:
        tab.open(f"{site.server.url}{address}")
        assert tab.js("document.documentElement.scrollWidth") <= width, address
        for scheme in ("light", "dark"):
            tab.prefer(scheme)
            assert tab.js(TOO_FAINT) == [], (address, scheme)
        assert len(colours(tab.picture())) > 20, address
        assert tab.hits == [], address


def test_what_others_can_fill_does_nothing(tmp_path: Path, browser: Browser) -> None:
    planted = "</script><script>hit()</script>\"'><img src=x onerror=hit()><svg onload=hit()>"

    def hostile() -> str:
        run = rota.current_run()
        run.progress(1, 2, planted)
        run.logger.warning(planted)
        if run.attempt == 1:
            raise ValueError(planted)
        return planted

    with Site(tmp_path, node=planted) as site:
        hostile.__doc__ = planted
        site.add(hostile, planted, name=planted, max_retries=1, retry_delay=0)
        run_id = site.run(planted)
        site.manager.pause_task(planted, reason=planted)
        tab = browser.tab()
        for address in ("", f"tasks/{quote(planted, safe='')}", f"runs/{run_id}"):
            tab.open(f"{site.server.url}{address}")
            assert planted in tab.js("document.body.textContent"), address
            tab.js("refresh()")  # the same again, by way of the script
            assert tab.js("document.querySelectorAll('main img, main script').length") == 0
            assert tab.hits == [], address


# Every text whose contrast with what lies behind it is below what WCAG AA asks for.
TOO_FAINT = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (one) => {
    for (let e = one; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  for (const one of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !one.checkVisibility()) continue;
    const style = getComputedStyle(one);
    const [a, b] = [light(rgba(style.color)), light(behind(one))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (contrast < (large ? 3 : 4.5)) faint.push([one.innerText.slice(0, 40), contrast]);
  }
  return faint;
})()
"""


def colours(png: bytes) -> set[bytes]:
    """Return a good part of the bytes that a picture is made of: a blank one has few."""
    data, place = b"", 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + size]
        place += 12 + size
    return {bytes([byte]) for byte in zlib.decompress(data)}
