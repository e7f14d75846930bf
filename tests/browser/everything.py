"""A site that has something of everything: each part of each page, each dialog, each button."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rota
from rota.core.run import State
from tests.browser.chrome import Tab
from tests.browser.screenshots import come_in
from tests.integration.web.pages.test_nodes import join
from tests.integration.web.site import Gate, Site, fail, greet


async def order(
    title: str = "Emma", copies: int = 1, is_gift: bool = False, note: str = ""
) -> dict[str, int]:
    """Order a book."""
    run = rota.current_run()
    run.progress(1, 2, "looking for it")
    run.logger.warning("only %d left", 3)
    rota.once("order", lambda: title)
    return {title: copies}


def refuse(copies: int = 1) -> None:
    """Raise another exception."""
    raise KeyError(copies)


@contextmanager
def everything(directory: Path) -> Iterator[tuple[Site, list[str]]]:
    """Open it; the addresses of its pages come with it."""
    gate = Gate()
    with Site(directory, node="shop-1") as site:
        manager = site.manager
        (directory / "backgroundtask").mkdir()
        (directory / "backgroundtask" / "wrong.py").write_text("raise ValueError('not yet')\n")
        manager.discover()
        site.add(order, name="Order books", max_retries=0)
        site.add(refuse, name="Refuse", max_retries=0)
        site.add(fail, name="Unlucky", max_retries=0)
        site.add(greet, name="Greet all", trigger="cron", times={"hour": "*/2"})
        site.add(greet, "rest", name="Resting")
        site.add(gate.hold, "hold", name="Hold on")
        after = {"tasks": ["order"], "on": "failure"}
        site.add(greet, "apologise", name="Apologise", trigger="after", times=after)
        site.run("order")
        compared = manager.run_task("order", arguments={"title": "Persuasion", "copies": 2})
        site.wait(compared)
        for _ in range(2):
            failed = site.run("fail")
            site.run("refuse")
        running = site.run("hold", State.RUNNING)
        manager.pause_task("rest", reason="painters")
        manager.edit_task("refuse", trigger_args={"hours": 7}, reason="less often")
        manager.skip_next("greet", reason="holiday")
        manager.create_token("grafana", "read")
        join(site, "shop-2", info={"clock_ahead": -90, "stuck": {"fail": "shop.py:3"}})
        join(site, "shop-0", state="gone")
        yield (
            site,
            [
                *("", "tasks", "tasks/order", "tasks/refuse", "tasks/rest"),
                *(f"runs/{id}" for id in (compared, failed, running)),
                *("timeline", "calendar", "failures", "nodes", "audit", "settings"),
                *("settings?only=given", "sign-in", "nope"),
            ],
        )
        gate.open.set()


def enter(tab: Tab, site: Site) -> None:
    """Sign in as somebody who may do everything."""
    come_in(tab, site.manager, site.server)
