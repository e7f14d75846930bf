"""Options of a task changed over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.web.site import FAR, Site, greet


def test_a_task_is_changed_and_the_rest_stays(site: Site) -> None:
    site.add(greet)
    changed = site.client.put("/manager/tasks/greet", json={"trigger_args": {"hours": 5}}).json()
    assert (changed["trigger_args"], changed["name"]) == ({"hours": 5}, "greet")
    changed = site.client.put("/manager/tasks/greet", json={"name": "Hi", "enabled": False}).json()
    assert (changed["name"], changed["enabled"], changed["next_run"]) == ("Hi", False, None)
    assert (changed["status"], changed["trigger_args"]) == ("disabled", {"hours": 5})
    assert site.client.get("/manager/tasks/greet").json() == changed


def test_a_change_that_cannot_be_meant_changes_nothing(site: Site) -> None:
    site.add(greet)
    before = site.client.get("/manager/tasks/greet").json()
    for wrong in ({"trigger_args": {"hour": 5}}, {"nam": "x"}, {"enabled": "yes"}, {"name": ""}):
        answer = site.client.put("/manager/tasks/greet", json=wrong)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"], wrong
    wrong = {"trigger_args": {"seconds": 5, "hour": 5}}
    [error] = site.client.put("/manager/tasks/greet", json=wrong).json()["errors"]
    assert error["where"] == "trigger_args.hour"
    assert "Did you mean 'name'?" in site.client.put("/manager/tasks/greet", json={"nam": 1}).text
    assert site.client.get("/manager/tasks/greet").json() == before


@pytest.mark.parametrize(
    ("path", "body", "known"),
    [
        (
            "POST /manager/tasks/greet/run",
            {"zzz": {}},
            "Known: arguments, delay, key, max_retries, on_conflict, priority, queue, reason,"
            " run_at, tags, timeout",
        ),
        ("POST /manager/tasks/greet/pause", {"zzz": ""}, "Known: reason, until"),
        ("POST /manager/tasks/greet/resume", {"zzz": ""}, "Known: catch_up, reason"),
        ("POST /manager/tasks/greet/skip", {"zzz": ""}, "Known: at, reason"),
        ("POST /manager/tasks/greet/reset", {"zzz": ""}, "Known: keys, reason"),
        ("PUT /manager/tasks/greet", {"zzz": ""}, "Known: enabled, name, trigger_args."),
        ("PUT /manager/tasks/greet", {"max_instances": 1}, "max_running=N is max_instances=N"),
        ("POST /manager/tasks", {"coalesce": True}, "'latest' (the default) is coalesce=True"),
    ],
)
def test_a_remedy_lists_the_fields_of_the_body(
    site: Site, path: str, body: dict[str, Any], known: str
) -> None:
    site.add(greet)
    method, _, path = path.partition(" ")
    answer = site.client.request(method, path, json=body)
    assert answer.status_code == 422
    [error] = [one for one in answer.json()["errors"] if one["where"].endswith(next(iter(body)))]
    assert known in error["remedy"]


def test_null_is_not_given_in_a_new_task(site: Site) -> None:
    task = {"name": "New", "func_path": "tests.integration.web.site:greet", "trigger": "cron"}
    nulls = dict.fromkeys(("id", "timeout", "enabled", "max_retries"))
    args = {"hour": 9, "end_date": None, "minute": None}
    site.add(greet)
    made = site.client.post("/manager/tasks", json={**task, **nulls, "trigger_args": args}).json()
    assert (made["id"], made["enabled"], made["max_retries"]) == ("new", True, 3)
    assert made["trigger_args"] == {"hour": 9}


def test_times_without_a_zone_are_in_the_tasks(site: Site) -> None:
    site.add(greet, timezone="Asia/Tokyo")
    paused = site.client.post("/manager/tasks/greet/pause", json={"until": "2040-06-01T12:00"})
    assert paused.json()["paused_until"] == "2040-06-01T03:00:00Z"
    site.client.post("/manager/tasks/greet/resume")
    wrong = site.client.post("/manager/tasks/greet/skip", json={"at": "2040-06-01 12:00"})
    assert wrong.status_code == 409
    run = site.client.get(site.client.post("/manager/tasks/greet/run").headers["location"]).json()
    made = datetime.fromisoformat(run["created_at"])
    for task, zone in (("greet", ZoneInfo("Asia/Tokyo")), ("", ZoneInfo("UTC"))):
        for path in ("runs", "audit"):
            for minutes, there in ((-1, True), (1, False)):
                since = (made + timedelta(minutes=minutes)).astimezone(zone).replace(tzinfo=None)
                query = {"since": since.isoformat(), **({"task": task} if task else {})}
                answer = site.client.get(f"/manager/{path}", params=query)
                assert bool(answer.json()) is there, (task, path, minutes)
    assert site.client.get("/manager/occurrences/past?since=2024-01-01").status_code == 200
    for wrong_time in ("12", "1700000000", "tomorrow", "12:00"):
        answer = site.client.get(f"/manager/runs?since={wrong_time}")
        assert answer.status_code == 422
    outside = {"task": "greet", "since": "0001-01-01T00:00:00"}
    assert site.client.get("/manager/runs", params=outside).status_code == 422


def test_null_takes_an_edit_back(site: Site) -> None:
    site.add(greet)
    edit = {"trigger_args": {"hours": 5}, "name": "Hi", "enabled": False}
    changed = site.client.put("/manager/tasks/greet?reason=tests", json=edit).json()
    assert [one["key"] for one in changed["edits"]] == ["enabled", "name", "trigger_args"]
    [times] = [one for one in changed["edits"] if one["key"] == "trigger_args"]
    assert (times["value"], times["code"], times["reason"]) == ({"hours": 5}, FAR, "tests")
    mixed = {"trigger_args": None, "name": "Ho"}
    changed = site.client.put("/manager/tasks/greet", json=mixed).json()
    assert (changed["trigger_args"], changed["name"], changed["enabled"]) == (FAR, "Ho", False)
    changed = site.client.put(
        "/manager/tasks/greet", json={"name": None, "enabled": None, "trigger_args": None}
    ).json()
    assert (changed["edits"], changed["name"], changed["enabled"]) == ([], "greet", True)


def test_edits_are_reset(site: Site) -> None:
    site.add(greet)
    edit = {"trigger_args": {"hours": 5}, "name": "Hi"}
    site.client.put("/manager/tasks/greet", json=edit)
    left = site.client.post("/manager/tasks/greet/reset", json={"keys": ["name"]}).json()
    assert [one["key"] for one in left["edits"]] == ["trigger_args"]
    wrong = site.client.post("/manager/tasks/greet/reset", json={"keys": ["nmae"]})
    assert wrong.status_code == 422
    assert "Did you mean 'name'?" in wrong.text
    assert site.client.post("/manager/tasks/greet/reset").json()["edits"] == []
    assert site.client.post("/manager/tasks/gret/reset").status_code == 404


def test_an_edit_is_checked_by_the_rule_for_clock_changes(site: Site) -> None:
    site.add(greet, trigger="cron", times={"hour": 7}, timezone="Europe/Berlin", dst="skip")
    gap = {"year": 2030, "month": 3, "day": 31, "hour": 2, "minute": 30}
    answer = site.client.put("/manager/tasks/greet", json={"trigger_args": gap})
    assert answer.status_code == 422
    assert "can never fire" in answer.json()["detail"]
