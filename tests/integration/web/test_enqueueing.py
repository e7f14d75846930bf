"""Enqueueing over REST: each field of the request, the header, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from rota.testing import eventually
from tests.integration.web.site import Site

IN_2090 = "2090-01-31T09:00:00"


def job(n: int, day: datetime | None = None) -> int:
    """Return what it is given."""
    return n


@pytest.fixture
def jobs(site: Site) -> Site:
    """A site with a job whose zone is Berlin."""
    site.manager.add_task(job, id="job", timezone="Europe/Berlin", priority=3)
    site.manager.start()
    return site


def ask(site: Site, task: str = "job", header: str | None = None, **body: Any) -> httpx.Response:
    headers = {} if header is None else {"Idempotency-Key": header}
    return site.client.post(f"/manager/tasks/{task}/run", json=body, headers=headers)


def made(site: Site, header: str | None = None, **body: Any) -> dict[str, Any]:
    """Enqueue with argument n=1 and return the run of the answer."""
    answer = ask(site, header=header, **{"arguments": {"n": 1}, **body})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/manager/runs/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


def test_arguments_are_those_of_the_run(jobs: Site) -> None:
    run = made(jobs, arguments={"n": 7, "day": "2026-01-31T09:00:00Z"})
    assert run["arguments"] == {"n": 7, "day": "2026-01-31T09:00:00Z"}
    assert eventually(lambda: jobs.manager.get_run(run["id"]).result == 7)


def test_a_time_with_a_zone_is_that_instant(jobs: Site) -> None:
    run = made(jobs, run_at=f"{IN_2090}+05:00")
    assert (run["state"], run["available_at"]) == ("scheduled", "2090-01-31T04:00:00Z")


def test_a_time_without_a_zone_is_in_the_tasks_zone(jobs: Site) -> None:
    assert made(jobs, run_at=IN_2090)["available_at"] == "2090-01-31T08:00:00Z"


def test_a_delay_is_counted_from_now(jobs: Site) -> None:
    run = made(jobs, delay=3_600)
    at = datetime.fromisoformat(run["available_at"])
    assert (at - datetime.fromisoformat(run["created_at"])).total_seconds() == 3_600
    assert (run["state"], run["reason_code"]) == ("scheduled", "run_at")


@pytest.mark.parametrize("place", ["key", "header"])
def test_a_key_makes_one_run(jobs: Site, place: str) -> None:
    how: dict[str, Any] = {"key": "k"} if place == "key" else {"header": "k"}
    first, again = made(jobs, delay=60, **how), made(jobs, delay=60, **how)
    assert first["id"] == again["id"]
    assert (first["key"], len(jobs.harness.runs("job"))) == ("k", 1)
    assert made(jobs, delay=60, header="k", key="k")["id"] == first["id"]


def test_a_taken_key_replaces_what_waits(jobs: Site) -> None:
    first = made(jobs, key="k", delay=60)
    second = made(jobs, key="k", delay=60, on_conflict="replace")
    assert jobs.manager.get_run(first["id"]).state == "cancelled"
    assert jobs.manager.get_run(second["id"]).state == "scheduled"


def test_a_taken_key_can_be_a_conflict(jobs: Site) -> None:
    first = made(jobs, key="k", delay=60)
    answer = ask(jobs, arguments={"n": 1}, key="k", on_conflict="error")
    assert answer.status_code == 409
    assert f"the key 'k' of task 'job' belongs to run {first['id']}" in answer.json()["detail"]


def test_options_of_a_run_lie_over_the_tasks(jobs: Site) -> None:
    own: dict[str, Any] = {
        "queue": "slow",
        "max_retries": 2,
        "timeout": 1.5,
        "tags": ["billing", "eu"],
    }
    run = made(jobs, delay=60, priority=9, **own)
    assert (run["options"], run["priority"]) == (own, 9)
    plain = made(jobs, delay=60)
    assert (plain["options"], plain["priority"]) == (None, 3)


def test_a_task_that_is_not_known_is_404(jobs: Site) -> None:
    answer = ask(jobs, "jobb", arguments={"n": 1})
    assert answer.status_code == 404
    assert "'jobb'" in answer.json()["detail"]
    assert "'job'" in answer.json()["remedy"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"arguments": {}}, "arguments.n"),
        ({"arguments": {"n": "x"}}, "arguments.n"),
        ({"arguments": {"n": 1, "zzz": 1}}, "arguments.zzz"),
        ({"arguments": [1]}, "arguments"),
        ({"run_at": "tomorrow"}, "run_at"),
        ({"run_at": 4_000_000_000}, "run_at"),
        ({"run_at": IN_2090, "delay": 1}, "run_at"),
        ({"delay": -1}, "delay"),
        ({"key": ""}, "key"),
        ({"key": "x" * 201}, "key"),
        ({"on_conflict": "ignore", "key": "k"}, "on_conflict"),
        ({"on_conflict": "error"}, "on_conflict"),
        ({"priority": 1.5}, "priority"),
        ({"priority": True}, "priority"),
        ({"delay": True}, "delay"),
        ({"queue": "Not a queue"}, "queue"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"timeout": 0}, "timeout"),
        ({"tags": ["Not a tag"]}, "tags"),
        ({"tags": "billing"}, "tags"),
    ],
)
def test_a_wrong_field_is_422_with_its_name(jobs: Site, body: dict[str, Any], where: str) -> None:
    answer = ask(jobs, **{"arguments": {"n": 1}, **body})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    places = [one["where"] for one in problem.get("errors") or [problem]]
    assert any(one.removeprefix("body.").startswith(where) for one in places), problem
    assert jobs.harness.runs("job") == []


def test_two_keys_that_differ_are_422(jobs: Site) -> None:
    answer = ask(jobs, arguments={"n": 1}, key="a", header="b")
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]
    assert ask(jobs, arguments={"n": 1}, header="x" * 201).status_code == 422


def test_what_is_over_a_mebibyte_is_422(jobs: Site) -> None:
    jobs.manager.add_task(lambda text: None, id="text")
    answer = ask(jobs, "text", arguments={"text": "x" * (2**20 - 1_000)})
    assert answer.status_code == 202
    answer = ask(jobs, "text", arguments={"text": "x" * 2**20})
    assert answer.status_code in (413, 422)
    assert len(jobs.harness.runs("text")) == 1


def test_times_in_utc_are_the_same_as_their_instants(jobs: Site) -> None:
    run = made(jobs, run_at=f"{IN_2090}Z")
    assert datetime.fromisoformat(run["available_at"]) == datetime(2090, 1, 31, 9, tzinfo=UTC)


def test_runs_are_found_by_their_own_tags(jobs: Site) -> None:
    day = made(jobs, tags=["day", "old"], delay=3_600)["id"]
    later = made(jobs, tags=["day"], delay=3_600)["id"]
    made(jobs, tags=["daily"], queue="day", delay=3_600)

    def found(tag: str) -> list[str]:
        answer = jobs.client.get("/manager/runs", params={"tag": tag})
        assert answer.status_code == 200
        return [run["id"] for run in answer.json()]

    assert (found("day"), found("old")) == ([later, day], [day])
    assert [found(text) for text in ("da%", "_ay", "'\"", "day,old", "none")] == [[]] * 5
    assert [run.id for run in jobs.manager.runs(tag="day")] == [later, day]
    page = jobs.client.get("/tasks/job", params={"tag": "old"}, headers={"Accept": "text/html"})
    listed = page.text.partition('id="recent"')[2].partition("</section>")[0]
    assert day in listed and later not in listed
    assert '<a href="/tasks/job?tag=day">day</a>' in listed
    assert '<a href="/tasks/job?" aria-current="true">old</a>' in listed
    none = jobs.client.get("/tasks/job", params={"tag": "<b>"}, headers={"Accept": "text/html"})
    assert "No run was enqueued with this tag." in none.text and "<b>" not in none.text


def test_the_form_takes_tags_with_commas_between(jobs: Site) -> None:
    jobs.client.post("/tasks/job/run", data={"arg-n": "1", "delay": "60", "tags": " a, b,"})
    (run,) = jobs.manager.runs(task_id="job")
    assert run.options == {"tags": ["a", "b"]}
