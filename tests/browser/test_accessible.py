"""Every page and every dialog by the rules of WCAG 2, as axe-core knows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chrome import Browser, Tab
from tests.browser.everything import enter, everything
from tests.fault.effort import LONG
from tests.integration.web.site import Site

pytestmark = pytest.mark.xdist_group("accessible")  # one site for all

AXE = Path(__file__).parent / "vendor" / "axe.min.js"

RULES = {
    "type": "tag",
    "values": [
        *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"),
        *("best-practice", "experimental"),
    ],
}
DIALOGS = "[...document.querySelectorAll('[popover], dialog')].map((one) => one.id)"
COLOURS = {"type": "rule", "values": ["color-contrast"]}

# Runs the rules over a part of the page, and returns what broke them.
_CHECK = """
window.check = async (part, rules) => {
  const {violations} = await axe.run(part, {runOnly: rules, resultTypes: ["violations"]});
  return violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 200)}`));
};
"""


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
    """Return a tab with the rules in it, of somebody who may do everything there."""
    tab = browser.tab()
    source = AXE.read_text(encoding="utf-8") + _CHECK
    tab.send("Page.addScriptToEvaluateOnNewDocument", source=source)
    enter(tab, shop[0])
    return tab


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_breaks_a_rule(shop: tuple[Site, list[str]], tab: Tab, width: int) -> None:
    (site, addresses), amiss = shop, []
    tab.resize(width, 900)
    for address in addresses:
        tab.prefer("light")
        tab.open(f"{site.server.url}{address}")
        tab.js("htmx.ajax = () => null")  # nothing is drawn anew meanwhile
        tab.js("for (const one of document.querySelectorAll('details')) one.open = true")
        # What a page is made of is the same in the dark, its colours are not; and neither colours
        # nor what a dialog is made of depends on the width.
        schemes = (("light", RULES), ("dark", COLOURS))
        for scheme, rules in schemes if width == 390 or LONG else schemes[:1]:
            tab.prefer(scheme)
            amiss += [(address, scheme, one) for one in _broken(tab, "document", rules)]
            for id in tab.js(DIALOGS) if width == 390 or LONG else ():
                dialog = f"document.getElementById('{id}')"
                tab.js(f"{dialog}.popover ? {dialog}.showPopover() : {dialog}.showModal()")
                amiss += [(address, scheme, one) for one in _broken(tab, dialog, rules)]
                tab.js(f"{dialog}.popover ? {dialog}.hidePopover() : {dialog}.close()")
    assert not amiss, "\n".join(map(str, amiss))


def _broken(tab: Tab, part: str, rules: dict[str, Any]) -> list[str]:
    found: list[str] = tab.js(f"check({part}, {rules})")
    return found
