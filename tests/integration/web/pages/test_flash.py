"""What the page says after a form, as a browser without JavaScript gets it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from rota import web
from rota.core.run import State
from rota.runtime.system_clock import SystemClock
from rota.testing import Harness
from tests.integration.web.pages.read import part
from tests.integration.web.site import Gate, Site, fail, greet

COOKIE = "rota_flash"


def send(site: Site, path: str, **form: Any) -> str:
    """Send a form, follow it as a browser does, and return what the page then says."""
    answer = site.client.post(path, data=form)
    assert answer.status_code == 303, answer.text
    page = site.client.get(answer.headers["location"])
    return html.unescape(part(page.text, "said")).strip()


async def order(title: str = "Emma", copies: int = 1) -> list[Any]:
    """Order a book."""
    return [title, copies]


def test_each_form_says_what_came_of_it(site: Site, gate: Gate) -> None:
    site.add(greet, name="Greet all")
    site.add(fail, name="Unlucky", max_retries=0)
    site.add(gate.hold, "hold", name="Hold on")
    failed, held = site.run("fail"), site.run("hold", State.RUNNING)
    at = site.manager.get_task("greet").next_run.isoformat()  # type: ignore[union-attr]
    assert "Greet all is started. Its run" in send(site, "/tasks/greet/run")
    assert "The run of Greet all of" in send(site, "/tasks/greet/skip", at=at)
    assert "Greet all is paused until it is resumed." in send(site, "/tasks/greet/pause")
    assert re.search(
        r"Greet all is paused until .* UTC\.", send(site, "/tasks/greet/pause", **{"for": "900"})
    )
    assert "Greet all is resumed." in send(site, "/tasks/greet/resume")
    site.manager.edit_task("greet", trigger_args={"hours": 7})
    assert "The edit of trigger_args is reset" in send(
        site, "/tasks/greet/reset", key="trigger_args"
    )
    assert "Unlucky is retried. The new run" in send(site, f"/runs/{failed}/retry")
    assert "The run of Hold on is being cancelled." in send(site, f"/runs/{held}/cancel")


def test_a_revoked_token_is_named(site: Site) -> None:
    admin = site.manager.create_token("me", "admin").secret
    site.manager.create_token("grafana", "read")
    site.client.headers["Authorization"] = f"Bearer {admin}"
    assert "The token grafana is revoked." in send(site, "/tokens/revoke", name="grafana")


def test_the_notice_after_a_start_links_to_the_run(site: Site) -> None:
    site.add(greet)
    answer = site.client.post("/tasks/greet/run")
    page = site.client.get(answer.headers["location"]).text
    [run] = site.harness.ended("greet", 1)
    said = page[page.index('id="said"') :]
    assert f'href="/runs/{run.id}"' in said[: said.index("</div>")]


def test_a_notice_is_shown_once(site: Site) -> None:
    site.add(greet)
    answer = site.client.post("/tasks/greet/pause")
    there = answer.headers["location"]
    assert "is paused" in part(site.client.get(there).text, "said")
    assert part(site.client.get(there).text, "said").strip() == ""


@pytest.mark.parametrize(
    "cookie",
    ["Pay%20me", "W10.0", "W10", "." * 3000, "WzEsICJQYXkgbWUiLCAiIiwgIiJd.e3b0c44298fc1c14"],
)
def test_a_forged_notice_is_not_shown(site: Site, cookie: str) -> None:
    page = site.client.get("/tasks", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert page.status_code == 200
    assert part(page.text, "said").strip() == ""


def test_a_cookie_that_was_altered_is_not_shown(site: Site) -> None:
    site.add(greet)
    site.client.post("/tasks/greet/pause")
    body, _, seal = site.client.cookies[COOKIE].partition(".")
    site.client.cookies.clear()
    for cookie in (f"{body[:-4]}AAAA.{seal}", f"{body}.{seal[:-1]}x", f"{body}."):
        page = site.client.get("/tasks", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert part(page.text, "said").strip() == "", cookie
    page = site.client.get("/tasks", headers={"Cookie": f"{COOKIE}={body}.{seal}"})
    assert "is paused" in part(page.text, "said")


def test_what_a_name_says_is_inert(site: Site) -> None:
    site.add(greet, name="<img src=x onerror=hit()>")
    answer = site.client.post("/tasks/greet/pause")
    page = site.client.get(answer.headers["location"]).text
    assert "<img" not in page
    assert "&lt;img" in page[page.index('id="said"') :]


def test_a_retry_of_many_counts_what_it_leaves_out(site: Site) -> None:
    def flaky(number: int = 0) -> None:
        raise ValueError(number)

    site.add(flaky, max_retries=0)
    for run_id in site.manager.run_many("flaky", [{"number": one} for one in (1, 2, 3)]):
        site.wait(run_id)
    site.run("flaky")  # without arguments: this one still fits

    def changed(copies: int = 0) -> None:
        raise ValueError(copies)

    site.manager.remove_task("flaky")
    site.add(changed, "flaky", max_retries=0)
    form = {"task": "flaky", "kind": "ValueError", "span": "1h"}
    said = send(site, "/failures/retry", **form)
    assert "1 run is retried; 3 could not be: their arguments no longer fit the function." in said
    site.harness.ended("flaky", 5)
    assert "Nothing is left to retry" in send(site, "/failures/retry", task="nobody")


def test_a_task_that_takes_parameters_is_run_by_its_form(site: Site) -> None:
    site.add(order, name="Order books")
    site.add(greet, name="Greet all")
    page = site.client.get("/tasks").text
    assert 'href="/tasks/order#run-form"' in page
    assert 'action="/tasks/order/run"' not in page
    assert 'action="/tasks/greet/run"' in page
    run_id = site.run("order")
    page = site.client.get(f"/runs/{run_id}").text
    assert 'href="/tasks/order#run-form"' in page
    assert 'action="/tasks/order/run"' not in page
    assert 'id="run-form"' in site.client.get("/tasks/order").text


def test_another_node_behind_a_balancer_shows_it_to_who_is_signed_in(
    site: Site, tmp_path: Path
) -> None:
    site.add(greet)
    secret = site.manager.create_token("me", "admin").secret
    site.client.post("/sign-in", data={"secret": secret, "to": "/"})
    cookies = site.client.cookies
    assert "rota_session" in cookies
    other = Harness(tmp_path, SystemClock())
    other.manager.add_task(greet, "interval", "greet", hours=1000)
    with other, web.serve(other.manager, port=0) as server:
        answer = site.client.post("/tasks/greet/pause")
        assert answer.status_code == 303
        with httpx.Client(base_url=server.url, cookies=cookies) as client:
            page = client.get(answer.headers["location"])
    assert "is paused" in part(page.text, "said")
