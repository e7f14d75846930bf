"""Tasks over REST, as section 4 of the contract says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from rota.core.run import Run, State
from rota.testing import eventually
from tests.integration.web.site import FAR, Gate, Site, fail, greet


def test_tasks_are_listed_and_read(site: Site) -> None:
    site.add(greet)
    site.add(fail)
    listed = site.client.get("/manager/tasks").json()
    assert [task["id"] for task in listed] == ["fail", "greet"]
    task = site.client.get("/manager/tasks/greet").json()
    assert task == listed[1]
    assert (task["status"], task["last_run"], task["trigger_args"]) == ("scheduled", None, FAR)
    assert task["next_run"].endswith("Z")


def test_a_task_is_created_for_a_known_function(site: Site) -> None:
    path = site.manager.get_task(site.add(greet))
    assert path is not None
    answer = site.client.post(
        "/manager/tasks",
        json={
            "name": "Morning greeting",
            "func_path": path.func_path,
            "trigger": "cron",
            "trigger_args": {"hour": 9},
            "timeout": 5,
        },
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == "/manager/tasks/morning_greeting"
    made = site.client.get(answer.headers["location"]).json()
    assert made == answer.json()
    assert (made["id"], made["max_retries"], made["timeout"]) == ("morning_greeting", 3, 5)
    assert made["next_run"].split("T")[1] == "09:00:00Z"


@pytest.mark.parametrize(
    ("trigger", "args"),
    [
        ("every", {"text": "weekday at 09:00"}),
        ("any", {"of": [{"crontab": "0 9 * * *"}], "except": [{"crontab": "0 9 25 12 *"}]}),
        ("rrule", {"rrule": "FREQ=DAILY", "dtstart": "2030-01-01 09:00"}),
        ("sun", {"event": "noon", "latitude": 52.5, "longitude": 13.4}),
        ("cron", {"crontab": "H H 15W * *"}),
    ],
)
def test_a_task_is_created_with_any_kind_of_trigger_and_any_option(
    site: Site, trigger: str, args: dict[str, object]
) -> None:
    path = site.manager.get_task(site.add(greet))
    assert path is not None
    body = {"name": "x", "func_path": path.func_path, "trigger": trigger, "trigger_args": args}
    answer = site.client.post("/manager/tasks", json={**body, "overlap": "queue", "retry_delay": 7})
    assert answer.status_code == 201 and answer.json()["next_run"]
    entry = site.manager.services.engine.registry.get("x")
    assert entry is not None and entry.policy.retry_delay == 7
    assert site.client.get("/manager/occurrences/next?task=x&horizon=316224000").json()
    wrong = site.client.post("/manager/tasks", json={**body, "id": "y", "overlap": "quue"})
    assert wrong.status_code == 422 and "Did you mean 'queue'?" in wrong.text


@pytest.mark.parametrize(
    ("span", "word", "ends"), [(10, "scheduled", "succeeded"), (3_600, "missed", "missed")]
)
def test_the_caller_learns_what_becomes_of_a_past_date(
    site: Site, span: int, word: str, ends: str
) -> None:
    """In the answers to a new task and to an edit: it runs at once, or it is missed."""

    def passed() -> str:
        return (datetime.now(UTC) - timedelta(seconds=span)).isoformat()

    known = site.manager.get_task(site.add(greet))
    assert known is not None
    body = {"name": "Once", "func_path": known.func_path, "trigger": "date"}
    made = site.client.post("/manager/tasks", json={**body, "trigger_args": {"run_date": passed()}})
    assert made.status_code == 201
    future = {"trigger_args": {"run_date": "2090-01-01"}}
    site.client.post("/manager/tasks", json={**body, **future, "id": "edited"})
    edited = site.client.put("/manager/tasks/edited", json={"trigger_args": {"run_date": passed()}})
    for answer in (made, edited):
        task = answer.json()
        # What runs at once may have begun, or even ended, by now.
        assert task["status"] in ((word,) if ends == "missed" else (word, "running", "finished"))
        [run] = eventually(partial(ended, site, task["id"], ends))
        assert ("had passed when it was first seen" in run.reason) == (ends == "missed")


def ended(site: Site, task_id: str, state: str) -> list[Run]:
    return [run for run in site.manager.runs(task_id=task_id) if run.state == state]


def test_an_id_is_given_once(site: Site) -> None:
    path = site.manager.get_task(site.add(greet))
    assert path is not None
    body = {"id": "greet", "name": "x", "func_path": path.func_path, "trigger": "interval"}
    answer = site.client.post("/manager/tasks", json={**body, "trigger_args": FAR})
    assert answer.status_code == 409
    assert "'greet' is taken" in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_all_mistakes_are_reported_at_once(site: Site) -> None:
    site.add(greet)
    answer = site.client.post(
        "/manager/tasks",
        json={
            "name": "x",
            "func_path": "os:system",
            "trigger": "cron",
            "trigger_args": {"hour": 99},
        },
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = {error["where"]: error for error in answer.json()["errors"]}
    assert set(told) == {"func_path", "task 'x', trigger_args.hour"}
    assert all(error["detail"] and error["remedy"] for error in told.values())
    assert site.manager.get_task("x") is None


def test_one_task_too_many_is_refused(tmp_path: Path) -> None:
    with Site(tmp_path, max_tasks=1) as site:
        path = site.manager.get_task(site.add(greet))
        assert path is not None
        body = {"name": "x", "func_path": path.func_path, "trigger": "interval"}
        answer = site.client.post("/manager/tasks", json={**body, "trigger_args": FAR})
        assert answer.status_code == 409
        assert "manager.max_tasks" in answer.json()["remedy"]


def test_a_task_is_taken_out(site: Site) -> None:
    site.add(greet)
    assert site.client.delete("/manager/tasks/greet").status_code == 204
    assert site.client.get("/manager/tasks").json() == []
    assert site.client.delete("/manager/tasks/greet").status_code == 404


def test_a_task_is_run_by_hand(site: Site) -> None:
    site.add(greet)
    answer = site.client.post("/manager/tasks/greet/run")
    assert answer.status_code == 202
    run = answer.json()
    assert (run["task_id"], run["cause"], run["fire_time"]) == ("greet", "manual", None)
    site.wait(run["id"])
    done = site.client.get(answer.headers["location"]).json()
    assert (done["state"], done["result"]) == ("succeeded", {"said": "hello"})


def test_arguments_reach_the_function(site: Site) -> None:
    def echo(word: str = "") -> str:
        return word

    site.add(echo)
    run = site.client.post("/manager/tasks/echo/run", json={"arguments": {"word": "ß\t😀"}}).json()
    site.wait(run["id"])
    assert site.client.get(f"/manager/runs/{run['id']}").json()["result"] == "ß\t😀"


def test_pause_and_resume(site: Site) -> None:
    site.add(greet)
    paused = site.client.post("/manager/tasks/greet/pause", json={"reason": "holidays"}).json()
    assert (paused["status"], paused["paused"], paused["next_run"]) == ("paused", True, None)
    resumed = site.client.post("/manager/tasks/greet/resume").json()
    assert (resumed["status"], resumed["paused"]) == ("scheduled", False)
    until = {"until": "2999-01-01T00:00:00+01:00"}
    assert site.client.post("/manager/tasks/greet/pause", json=until).json()["paused"]
    past = site.client.post("/manager/tasks/greet/pause", json={"until": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["errors"][0]["where"]) == (422, "until")
    assert site.client.get("/manager/tasks/greet").json()["paused"]


def test_the_next_occurrence_is_skipped(site: Site) -> None:
    site.add(greet, trigger="cron", times={"month": 1, "day": 1})
    at = site.client.get("/manager/tasks/greet").json()["next_run"]
    how = {"at": at, "reason": "painters"}
    left = site.client.post("/manager/tasks/greet/skip", json=how).json()
    assert left["next_run"] > at
    (run,) = site.client.get("/manager/runs?task=greet").json()
    assert (run["state"], run["fire_time"]) == ("skipped", at)
    assert run["reason"] == "skipped manually: painters"
    (change,) = site.client.get("/manager/audit?verb=skip").json()
    assert (change["face"], change["task_id"], change["reason"]) == ("rest", "greet", "painters")
    again = site.client.post("/manager/tasks/greet/skip", json=how)
    assert again.status_code == 409
    assert left["next_run"][:19] in again.json()["detail"]


@pytest.mark.parametrize("id", ["a/b", "ä b?c#d%2Fe", "run", "x/run", "😀", "a/../b"])
def test_ids_of_any_form_can_be_addressed(site: Site, id: str, gate: Gate) -> None:
    from urllib.parse import quote

    site.add(gate.hold, id)
    address = f"/manager/tasks/{quote(id, safe='')}"
    assert site.client.get(address).json()["id"] == id
    assert site.client.post(f"{address}/pause").json()["paused"]
    assert site.client.get(f"/tasks/{quote(id, safe='')}").status_code == 200
    assert site.client.delete(address).status_code == 204


@pytest.mark.parametrize("verb", ["run", "pause", "resume", "skip"])
def test_unknown_tasks_are_not_found(site: Site, verb: str) -> None:
    site.add(greet)
    answer = site.client.post(f"/manager/tasks/greeet/{verb}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:rota:problem:unknown-task"
    assert "greet" in answer.json()["remedy"]


def ids(answer: httpx.Response) -> list[str]:
    return [task["id"] for task in answer.json()]


def test_tasks_are_listed_page_by_page(site: Site) -> None:
    for number in range(5):
        site.add(greet, f"task-{number}")
    seen: list[str] = []
    address = "/manager/tasks?limit=2&trigger=interval"
    for _ in range(3):
        answer = site.client.get(address)
        seen += ids(answer)
        address = answer.links.get("next", {}).get("url", "")
    assert (seen, address) == ([f"task-{number}" for number in range(5)], "")


def test_filters_narrow_the_list_of_tasks(site: Site, gate: Gate) -> None:
    site.add(greet, name="Größe")
    site.add(fail, enabled=False)
    site.add(gate.hold, "hold", trigger="cron", times={"hour": 3})
    site.client.post("/manager/tasks/greet/pause")
    run_id = site.run("hold", State.RUNNING)

    def found(**query: str) -> list[str]:
        return ids(site.client.get("/manager/tasks", params=query))

    assert found() == ["fail", "greet", "hold"]
    assert found(text="GRÖSSE") == ["greet"]
    assert found(text="größ") == ["greet"]
    assert found(status="running") == ["hold"]
    assert found(enabled="false") == ["fail"]
    assert found(paused="true") == ["greet"]
    assert found(paused="false", enabled="true") == ["hold"]
    assert found(trigger="cron") == ["hold"]
    assert found(file="sites.py") == []
    several = site.client.get("/manager/tasks?status=paused&status=disabled")
    assert ids(several) == ["fail", "greet"]
    gate.open.set()
    site.wait(run_id)
    task = site.client.get("/manager/tasks?text=hold").json()[0]
    assert (task["last_state"], task["last_run"] is not None) == ("succeeded", True)


def test_a_task_file_is_a_filter(tmp_path: Path) -> None:
    files = tmp_path / "backgroundtask"
    files.mkdir()
    (files / "chores.py").write_text(
        'import rota\n\n\n@rota.task("interval", hours=1)\ndef sweep():\n    pass\n'
    )
    with Site(tmp_path) as site:
        site.add(greet)
        assert site.manager.discover().errors == []
        whole = site.manager.list_tasks()[-1].file
        for file in ("chores.py", "backgroundtask/chores.py", whole or ""):
            answer = site.client.get("/manager/tasks", params={"file": file})
            assert len(answer.json()) == 1, file
        assert site.client.get("/manager/tasks", params={"file": "ores.py"}).json() == []


def test_tasks_are_found_paused_and_resumed_by_tag(site: Site) -> None:
    site.add(greet, tags=["db"])
    site.add(fail)
    assert site.client.get("/manager/tags").json() == [{"tag": "db", "tasks": 1}]
    listed = site.client.get("/manager/tasks", params={"tag": "db"}).json()
    assert [(task["id"], task["tags"]) for task in listed] == [("greet", ["db"])]
    answer = site.client.post("/manager/pause", json={"tag": "db", "reason": "migration"})
    (pause,) = answer.json()
    assert (answer.status_code, pause["held"], pause["reason"]) == (200, "tag:db", "migration")
    assert site.client.get("/manager/pauses").json() == [pause]
    greeted = site.client.get("/manager/tasks/greet").json()
    assert (greeted["status"], greeted["pauses"]) == ("paused", [pause])
    assert site.client.get("/manager/tasks/fail").json()["status"] == "scheduled"
    resumed = site.client.post("/manager/resume", json={"tag": "db", "catch_up": True})
    assert (resumed.status_code, resumed.json()) == (200, [])
    assert site.client.get("/manager/tasks/greet").json()["status"] == "scheduled"


@pytest.mark.parametrize(
    ("body", "where"), [({}, "id"), ({"tag": "db", "all": True}, "id"), ({"tag": "bd"}, "tag")]
)
def test_a_pause_of_nothing_that_there_is_is_refused(
    site: Site, body: dict[str, Any], where: str
) -> None:
    site.add(greet, tags=["db"])
    answer = site.client.post("/manager/pause", json=body)
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]


def test_a_task_is_resumed_with_what_it_missed(site: Site) -> None:
    site.add(greet)
    site.client.post("/manager/tasks/greet/pause")
    answer = site.client.post("/manager/tasks/greet/resume", json={"catch_up": True})
    assert (answer.status_code, answer.json()["paused"]) == (200, False)
