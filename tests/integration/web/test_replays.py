"""Backfill and rerun over REST and on the pages."""

from __future__ import annotations

from datetime import timedelta

from rota.core.time import to_datetime
from tests.integration.web.pages.read import part
from tests.integration.web.site import Site, greet


def since(site: Site) -> str:
    now = to_datetime(site.manager.services.clock.now())
    hour = now.replace(minute=0, second=0, microsecond=0)
    return (hour - timedelta(hours=2)).isoformat()


def until(site: Site) -> str:
    now = to_datetime(site.manager.services.clock.now())
    return now.replace(minute=0, second=0, microsecond=0).isoformat()


def test_a_backfill_is_previewed_and_run_over_rest(site: Site) -> None:
    site.add(greet, trigger="cron", times={"minute": 0})
    given = {"since": since(site), "until": until(site)}
    path = "/manager/tasks/greet/backfill"
    preview = site.client.post(path, json={**given, "dry_run": True})
    assert preview.status_code == 200
    found = preview.json()
    assert [one["state"] for one in found["occurrences"]] == [None, None]
    assert found["runs"] == []

    made = site.client.post(path, json={**given, "reason": "lost data"})
    assert made.status_code == 202, made.text
    runs = [site.client.get(f"/manager/runs/{one}").json() for one in made.json()["runs"]]
    assert [one["fire_time"] for one in runs] == [one["fire_time"] for one in found["occurrences"]]
    assert [(one["replay"], one["cause"]) for one in runs] == [(1, "backfill")] * 2


def test_mistakes_of_a_backfill_are_named(site: Site) -> None:
    site.add(greet, trigger="cron", times={"minute": 0})
    path = "/manager/tasks/greet/backfill"
    assert site.client.post(path, json={}).status_code == 422
    assert site.client.post(path, json={"since": since(site), "limit": 0}).status_code == 422
    many = site.client.post(path, json={"since": "2020-01-01T00:00:00Z", "limit": 5})
    assert many.status_code == 409
    assert "more than 5" in many.json()["detail"]
    assert site.client.post("/manager/tasks/nope/backfill", json={}).status_code in (404, 422)


def test_a_run_is_done_again_over_rest_and_on_its_page(site: Site) -> None:
    site.add(greet, trigger="cron", times={"minute": 0})
    given = {"since": since(site), "until": until(site)}
    (first, _) = site.client.post("/manager/tasks/greet/backfill", json=given).json()["runs"]
    site.manager.services.engine.wait_for(first)

    again = site.client.post(f"/manager/runs/{first}/rerun", json={"reason": "again"})
    assert again.status_code == 202, again.text
    assert again.headers["location"] == f"/manager/runs/{again.json()['id']}"
    assert again.json()["replay"] == 2
    site.manager.services.engine.wait_for(again.json()["id"])

    page = site.client.get(f"/runs/{first}", headers={"Accept": "text/html"}).text
    assert "replay 1" in part(page, "facts")
    assert part(page, "same").count("replay") == 2
    answer = site.client.post(f"/runs/{first}/rerun", headers={"Accept": "text/html"})
    assert answer.status_code == 303, answer.text
    runs = site.client.get("/manager/runs?task=greet").json()
    assert {one["replay"] for one in runs if one["fire_time"] == again.json()["fire_time"]} == {
        1,
        2,
        3,
    }


def test_a_backfill_is_previewed_and_run_on_the_pages(site: Site) -> None:
    site.add(greet, trigger="cron", times={"minute": 0})
    html = {"Accept": "text/html"}
    assert "/backfill/greet" in site.client.get("/tasks/greet", headers=html).text
    asked = {"since": since(site)[:16], "until": until(site)[:16]}
    page = site.client.get("/backfill/greet", params=asked, headers=html).text
    assert "2 to run" in part(page, "occurrences")
    answer = site.client.post("/tasks/greet/backfill", data=asked, headers=html)
    assert answer.status_code == 303, answer.text
    runs = site.client.get("/manager/runs?task=greet&cause=backfill").json()
    assert len(runs) == 2
    wrong = site.client.get("/backfill/greet", params={"since": "no"}, headers=html)
    assert wrong.status_code == 200
    assert "is not a time" in wrong.text
