"""Take the pictures of the documentation: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rota.core.audit import Face
from rota.core.run import State
from rota.manager import TaskManager
from rota.task_api.actor import acting
from rota.testing import eventually
from rota.web.server import Server
from tests.browser.chrome import Browser, Tab, found
from tests.browser.shop import shop

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PHONE, DESKTOP = 390, 1280
LOW = 300  # pixels: so that a picture ends with its page
QUALITY = 85

SCREENS = ("now", "running", "tasks", "task", "run", "timeline", "calendar", "failures", "audit",
           "settings")  # fmt: skip
IN_DARK = ("now", "tasks", "task", "run", "timeline")
ON_PHONE = ("now", "tasks", "run", "calendar")
PICTURES = (
    *((name, DESKTOP, "light", name) for name in SCREENS),
    *((name, DESKTOP, "dark", f"{name}-dark") for name in IN_DARK),
    *((name, PHONE, "light", f"{name}-phone") for name in ON_PHONE),
)
"""The screen of each picture, how it is taken, and what it is called."""


def main(target: Path = IMAGES) -> None:
    """Open the bookshop, let it work for a moment, and take them all."""
    program = found()
    if program is None:
        sys.exit("No browser: install chromium, then take the pictures again.")
    with tempfile.TemporaryDirectory() as directory, shop(Path(directory)) as (manager, server):
        with acting(Face.PAGE, "mira"):
            failed = manager.run_task("charge_cards")
            importing = manager.run_task("import_orders")
        ended = {State.FAILED}
        eventually(lambda: manager.get_run(failed).state in ended, within=60, what="failed run")
        with acting(Face.REST, "deploy"):
            manager.run_task("sync_inventory", reason="the scanners have a new release")
        browser = Browser(program)
        try:
            for screen, width, scheme, name in sorted(PICTURES, key=_moment):
                tab = browser.tab(width=width, height=LOW)
                tab.prefer(scheme)
                if screen == "settings":
                    sign_in(tab, manager, server)
                tab.open(f"{server.url}{addresses(failed, importing)[screen]}")
                settle(tab)
                picture = tab.picture(whole=True, quality=QUALITY)
                (target / f"{name}.webp").write_bytes(picture)
                browser.close_tabs()
        finally:
            browser.close()
        finish(manager)


def _moment(picture: tuple[str, int, str, str]) -> int:
    """Take first what is to show something running, and last what shuts out the others: with the
    first token, they would have to sign in."""
    return {"now": 0, "running": 0, "settings": 2}.get(picture[0], 1)


def sign_in(tab: Tab, manager: TaskManager, server: Server) -> None:
    """Make some tokens, and come in by a link."""
    manager.create_token("grafana", "read")
    manager.create_token("deploy", "operate", lifetime=90 * 86400)
    come_in(tab, manager, server)


def come_in(tab: Tab, manager: TaskManager, server: Server) -> None:
    """Open a link and press its button."""
    tab.open(f"{server.url}sign-in?code={manager.create_code('mira').secret}")
    tab.js("document.querySelector('#sign-in form').submit()")
    tab.wait("location.pathname === '/'")


def addresses(failed: str, importing: str) -> dict[str, str]:
    """Return the addresses of the screens."""
    return {
        "now": "",
        "running": f"runs/{importing}",
        "tasks": "tasks",
        "task": "tasks/refresh_exchange_rates",
        "run": f"runs/{failed}",
        "timeline": "timeline",
        "calendar": "calendar",
        "failures": "failures?span=7d",
        "audit": "audit",
        "settings": "settings?only=given",
    }


def settle(tab: Tab) -> None:
    """Wait until what scripts draw is drawn."""
    tab.wait("!document.querySelector('[data-plot]:not([data-drawn])')")
    tab.js("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def finish(manager: TaskManager) -> None:
    """Leave nothing running."""
    for run in manager.history.running():
        manager.cancel_run(run.id, reason="the pictures are taken")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
