"""Take the pictures of the documentation: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rota.core.run import State
from rota.manager import TaskManager
from rota.testing import eventually
from tests.browser.chrome import Browser, Tab, found
from tests.browser.shop import shop

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PHONE, DESKTOP = 390, 1280

PICTURES = (
    ("now", DESKTOP, "light"),
    ("now-dark", DESKTOP, "dark"),
    ("now-phone", PHONE, "light"),
    ("running", DESKTOP, "light"),
    ("tasks", DESKTOP, "light"),
    ("task", DESKTOP, "light"),
    ("task-dark", DESKTOP, "dark"),
    ("run", DESKTOP, "light"),
    ("run-phone", PHONE, "light"),
    ("timeline", DESKTOP, "light"),
    ("calendar", DESKTOP, "light"),
    ("failures", DESKTOP, "light"),
)
"""The name of each picture, which begins with its screen, and how it is taken."""


def main(target: Path = IMAGES) -> None:
    """Open the bookshop, let it work for a moment, and take them all."""
    program = found()
    if program is None:
        sys.exit("No browser: install chromium, then take the pictures again.")
    with tempfile.TemporaryDirectory() as directory, shop(Path(directory)) as (manager, server):
        failed = manager.run_task("charge_cards")
        importing = manager.run_task("import_orders")
        ended = {State.FAILED}
        eventually(lambda: manager.get_run(failed).state in ended, within=60, what="failed run")
        manager.run_task("sync_inventory")
        browser = Browser(program)
        try:
            for name, width, scheme in PICTURES:
                screen, _, _ = name.partition("-")
                tab = browser.tab(width=width)
                tab.prefer(scheme)
                tab.open(f"{server.url}{addresses(failed, importing)[screen]}")
                settle(tab)
                (target / f"{name}.png").write_bytes(tab.picture(whole=True))
                browser.close_tabs()
        finally:
            browser.close()
        finish(manager)


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
    }


def settle(tab: Tab) -> None:
    """Wait until what scripts draw is drawn."""
    tab.wait("!document.querySelector('[data-plot]:not([data-drawn])')")
    tab.js("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def finish(manager: TaskManager) -> None:
    """Leave nothing running."""
    for run in manager.history.active():
        if run.state is State.RUNNING:
            manager.cancel_run(run.id, reason="the pictures are taken")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
