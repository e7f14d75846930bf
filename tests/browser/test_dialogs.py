"""Every dialog, popover and fold of every page: opened, seen, reached, left again.

They are found by what opens them, so that a new one is tested by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chrome import Browser, Tab
from tests.browser.everything import enter, everything
from tests.browser.looks import CUT, LONGEST_TIMES, TOO_FAINT, TOO_WIDE, widths
from tests.fault.effort import LONG
from tests.integration.web.site import Site

pytestmark = pytest.mark.xdist_group("dialogs")  # one site for all

TAB, ENTER, ESCAPE = ("Tab", 9), ("Enter", 13), ("Escape", 27)

SIZES = {
    "phone": (390, 844, 1),
    "tablet": (1024, 768, 1),
    "desktop": (1440, 900, 1),
    "200 % zoom": (640, 400, 2),  # what a browser makes of 1280 × 800
}

# Marks what opens something, and returns how often.
OPENERS = """
(() => {
  const found = [...document.querySelectorAll("[popovertarget], [aria-haspopup], summary")]
    .filter((one) => one.popoverTargetAction !== "hide" && one.checkVisibility());
  found.forEach((one, place) => { one.dataset.opener = place; });
  return found.length;
})()
"""

# What can be opened and has nothing visible that opens it.
LOST = """
[...document.querySelectorAll("[popover], dialog")].filter((one) =>
  ![...document.querySelectorAll("[popovertarget], [aria-controls]")].some((by) =>
    (by.getAttribute("popovertarget") ?? by.getAttribute("aria-controls")) === one.id
    && !one.contains(by) && by.checkVisibility())).map((one) => one.id)
"""

# What is open because of an opener, and the controls in it.
_OPENED = """
window.opened = (opener) => {
  const by = document.querySelector(`[data-opener="${opener}"]`);
  if (by.localName === "summary") return by.parentElement.open ? by.parentElement : null;
  const id = by.getAttribute("popovertarget") ?? by.getAttribute("aria-controls");
  const one = document.getElementById(id);
  return one.matches(":popover-open, dialog[open]") ? one : null;
};
window.controls = (opener) => [...window.opened(opener).querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not(svg *)")]
  .filter((one) => one.checkVisibility() && one.tabIndex >= 0 && !one.matches("[data-opener] *"));
"""

# What is wrong with the controls of what an opener has opened.
AMISS = """
((opener) => {
  const amiss = [];
  for (const one of window.controls(opener)) {
    one.scrollIntoView({block: "nearest", inline: "nearest"});
    const box = one.getBoundingClientRect();
    const place = `${one.localName} ${one.name || one.innerText}: ${JSON.stringify(box)}`;
    if (box.width < 1 || box.height < 1) amiss.push(`unseen ${place}`);
    const is_tall = box.height > innerHeight;
    if (box.left < -0.5 || box.right > innerWidth + 0.5) amiss.push(`beside ${place}`);
    if (!is_tall && (box.top < -0.5 || box.bottom > innerHeight + 0.5)) amiss.push(`off ${place}`);
    const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height, innerHeight) / 2];
    const top = document.elementFromPoint(x, y);
    if (!top || !(one.contains(top) || top.closest("label")?.contains(one)))
      amiss.push(`covered by ${top?.outerHTML.slice(0, 100)} ${place}`);
  }
  return amiss;
})
"""


FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[tuple[Site, list[str]]]:
    """Return a site that has everything, and the addresses of its pages."""
    with everything(tmp_path_factory.mktemp("everything")) as found:
        yield found
        browser.close_tabs()


@pytest.fixture(scope="module")
def tab(shop: tuple[Site, list[str]], browser: Browser) -> Tab:
    """Return a tab of somebody who may do everything there."""
    tab = browser.tab()
    tab.send("Page.addScriptToEvaluateOnNewDocument", source=_OPENED)
    enter(tab, shop[0])
    return tab


@pytest.mark.parametrize("size", SIZES)
def test_what_opens_is_seen_and_reached_and_left(
    shop: tuple[Site, list[str]], tab: Tab, size: str
) -> None:
    (site, addresses), count = shop, 0
    tab.resize(*SIZES[size])
    for address in addresses:
        tab.open(f"{site.server.url}{address}")
        tab.js("htmx.ajax = () => null")  # nothing is drawn anew meanwhile
        assert tab.js(LOST) == [], address
        for opener in range(tab.js(OPENERS)):
            count += 1
            where = (
                size,
                address,
                tab.js(f"document.querySelector('[data-opener=\"{opener}\"]').outerHTML"),
            )
            for scheme in ("light", "dark"):
                tab.prefer(scheme)
                _open(tab, opener)
                assert tab.js(f"{AMISS}({opener})") == [], (*where, scheme)
                assert tab.js(TOO_FAINT) == [], (*where, scheme)
                assert tab.js(TOO_WIDE) == [], (*where, scheme)
                _leave(tab, opener)
            _walk(tab, opener, where)
        assert tab.hits == [], address
    assert count > 8


def _open(tab: Tab, opener: int) -> None:
    """Open by the keyboard."""
    tab.js(f"document.querySelector('[data-opener=\"{opener}\"]').focus()")
    tab.press(*ENTER)
    tab.wait(f"window.opened({opener})")


def _leave(tab: Tab, opener: int) -> None:
    """Close again; the focus is where it was before."""
    if tab.js(f"window.opened({opener}).localName === 'details'"):
        tab.js(f"document.querySelector('[data-opener=\"{opener}\"]').focus()")
        tab.press(*ENTER)
    else:
        tab.press(*ESCAPE)
    tab.wait(f"!window.opened({opener})")
    assert tab.js("document.activeElement.dataset.opener") == str(opener)


def _walk(tab: Tab, opener: int, where: object) -> None:
    """Reach every control with the key Tab alone."""
    _open(tab, opener)
    is_dialog = tab.js(f"window.opened({opener}).localName !== 'details'")
    held = f"window.opened({opener})?.contains(document.activeElement)"
    assert not is_dialog or tab.js(held), (where, "the focus did not go into it")
    count = tab.js(
        f"(window.met = new Set([document.activeElement]), window.controls({opener}).length)"
    )
    missed = f"window.controls({opener}).filter((one) => !met.has(one)).map((one) => one.outerHTML)"
    for _ in range(8 * count + 8):  # a date has several places for the focus
        if not tab.js(missed):
            break
        tab.press(*TAB)
        tab.js("met.add(document.activeElement)")
    assert tab.js(missed) == [], where
    if is_dialog:
        tab.js(f"window.controls({opener})[0].focus()")
    _leave(tab, opener)


def test_nothing_is_cut_at_any_width(shop: tuple[Site, list[str]], tab: Tab) -> None:
    (site, addresses), amiss = shop, []
    tab.prefer("light")
    look = f"({TOO_WIDE.strip()}).concat({CUT.strip()})"
    for address in addresses:
        tab.resize(320, 800, 1)
        tab.open(f"{site.server.url}{address}")
        tab.js("htmx.ajax = () => null")
        tab.js(LONGEST_TIMES)
        for width in range(320, 1601, 40) if LONG else widths():
            tab.resize(width, 800, 1)
            if tab.js(look):
                tab.js(FRAMES)  # with which plots take the new width
                amiss += [(address, width, one) for one in tab.js(look)]
    assert not amiss, "\n".join(map(str, amiss))
