"""The screen of a task as a browser without JavaScript gets it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Site, fail, greet

HTML = {"Accept": "text/html"}


def test_a_task_has_its_queue_and_its_limits(site: Site) -> None:
    rules: Any = {"queue": "gpu", "priority": 5, "overlap": "allow", "max_running": 2}
    site.add(greet, trigger="cron", times={"hour": 9}, rate="10/m", group="db", **rules)
    policy = part(site.client.get("/tasks/greet").text, "policy")
    assert "Queue gpu , priority 5" in policy or "Queue gpu, priority 5" in policy
    assert "Limits max_running=2 and rate=10/m and group=db" in policy


def test_a_pause_of_the_form_ends_in_the_tasks_zone(site: Site) -> None:
    site.add(greet, timezone="Asia/Tokyo")
    assert 'or until <span class="muted">Asia/Tokyo</span>' in site.client.get("/tasks/greet").text
    site.client.post("/tasks/greet/pause", data={"until": "2040-06-01T12:00"})
    paused = site.client.get("/manager/tasks/greet").json()
    assert paused["paused_until"] == "2040-06-01T03:00:00Z"


def test_edits_are_shown_and_taken_back(site: Site) -> None:
    site.add(greet, trigger="cron", times={"hour": 6})
    assert 'id="edits"' not in site.client.get("/tasks/greet").text
    site.manager.edit_task("greet", trigger_args={"hour": 5}, reason="summer")
    edits = part(site.client.get("/tasks/greet").text, "edits")
    assert "trigger_args hour=5 in place of the code&#39;s hour=6" in edits
    assert "summer" in edits
    site.add(greet, trigger="cron", times={"hour": 7})
    page = site.client.get("/tasks/greet").text
    assert "the code said hour=6 then, and says hour=7 now" in part(page, "edits")
    assert "the code below the edit changed of trigger_args" in part(
        site.client.get("/").text, "attention"
    )
    site.client.post("/tasks/greet/reset", data={"key": "trigger_args"})
    assert 'id="edits"' not in site.client.get("/tasks/greet").text


def test_a_task_whose_edit_does_not_fit_is_red(site: Site) -> None:
    site.add(greet)
    site.manager.edit_task("greet", trigger_args={"minutes": 5})
    site.add(greet, trigger="cron", times={"hour": 7})
    page = site.client.get("/tasks/greet").text
    assert "broken" in part(page, "head")
    assert "Not applied: it does not fit the cron trigger of the code" in part(page, "edits")
    assert page.count("data-until") == 10
    assert "broken" in part(site.client.get("/").text, "attention")
    assert "greet" in site.client.get("/tasks?state=broken").text
    assert site.client.get("/manager/tasks?status=broken").json()[0]["mistake"]
    assert site.client.get("/health").json()["broken_tasks"].keys() == {"greet"}


async def order(title: str, copies: int = 1, gift: bool = False, extra: Any = None) -> list[Any]:
    """Order a book."""
    return [title, copies, gift, extra]


def test_a_task_has_its_times_and_rules(site: Site) -> None:
    site.add(greet, trigger="cron", times={"hour": 9}, timezone="Europe/Berlin", max_retries=2)
    page = site.client.get("/tasks/greet").text
    assert "every day at 09:00, Europe/Berlin · Say hello." in part(page, "head")
    assert "overlap=skip" in part(page, "policy")
    assert page.count("data-until") == 10


def test_older_runs_are_a_page_further(site: Site) -> None:
    site.add(greet)
    ids = [site.run("greet") for _ in range(12)]
    first = site.client.get("/tasks/greet").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    assert ids[0] not in first[first.index('id="recent"') : first.index('id="plots"')]
    assert ids[0] in site.client.get(older[1]).text


def test_the_plots_have_their_figures(site: Site) -> None:
    site.add(fail, max_retries=0)
    site.run("fail")
    figures = site.client.get("/figures/fail").json()
    assert figures["state"] == ["failed"]
    assert figures["late"] == [None]  # started manually
    assert 0 <= figures["took"][0] < 60
    assert abs(figures["at"][0] - datetime.now(UTC).timestamp()) < 60
    assert site.client.get("/figures/nobody").status_code == 404


def test_runs_stand_at_their_time_of_day(site: Site) -> None:
    site.add(greet, trigger="cron", times={"hour": 9}, timezone="Pacific/Kiritimati")
    run = site.manager.get_run(site.run("greet"))
    page = site.client.get("/tasks/greet").text
    assert "Time of day Pacific/Kiritimati" in part(page, "timeline")
    there = datetime.fromtimestamp(run.started_at / 1e6, UTC) + timedelta(hours=14)  # type: ignore[operator]
    assert f"{there:%a} {there.day} {there:%b}" in part(page, "timeline")


def test_a_form_asks_for_the_parameters(site: Site) -> None:
    site.add(order, kwargs={"title": "Emma"})
    form = part(site.client.get("/tasks/order").text, "run-form")
    assert "title text copies whole number gift yes or no extra JSON" in " ".join(
        word for word in form.split() if word not in ("true", "false", "(unchanged)")
    )
    filled = {"arg-title": "Persuasion", "arg-copies": "2", "arg-gift": "true", "arg-extra": "[1]"}
    site.client.post("/tasks/order/run", data=filled)
    assert site.harness.ended("order")[0].result == ["Persuasion", 2, True, [1]]
    site.client.post("/tasks/order/run", data={"arg-title": "", "arg-copies": ""})
    assert site.harness.ended("order", 2)[1].result == ["Emma", 1, False, None]


def test_a_form_takes_the_time_the_key_and_options_of_a_run(site: Site) -> None:
    site.add(order, kwargs={"title": "Emma"}, timezone="Europe/Berlin")
    filled = {
        "arg-copies": "2",
        "run_at": "2090-07-01T12:00",
        "delay": "",
        "delay_unit": "60",
        "key": "k",
        "on_conflict": "return",
        "priority": "7",
        "queue": "slow",
        "max_retries": "1",
        "timeout": "2.5",
    }
    answer = site.client.post("/tasks/order/run", data=filled, follow_redirects=True)
    assert "order waits for its time." in answer.text
    (run,) = site.harness.runs("order")
    assert run.available_at == int(datetime(2090, 7, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000
    own = {"queue": "slow", "max_retries": 1, "timeout": 2.5}
    assert (run.key, run.priority, run.options, run.arguments) == ("k", 7, own, {"copies": 2})
    answer = site.client.post("/tasks/order/run", data=filled, follow_redirects=True)
    assert "order has a run with that key already." in answer.text
    later = {"delay": "1.5", "delay_unit": "3600", "on_conflict": "return"}
    site.client.post("/tasks/order/run", data=later)
    newest = site.harness.runs("order")[-1]
    assert (len(site.harness.runs("order")), newest.key) == (2, None)
    assert newest.available_at - newest.created_at == 5_400 * 1_000_000


@pytest.mark.parametrize(
    ("filled", "fields"),
    [
        ({"run_at": "soon", "priority": "1.5", "delay": "a"}, ["run_at", "delay", "priority"]),
        ({"timeout": "x", "max_retries": "two"}, ["max_retries", "timeout"]),
        ({"run_at": "2090-07-01T12:00", "delay": "1"}, ["run_at"]),
        ({"timeout": "-1"}, ["timeout"]),
        ({"delay": "inf"}, ["delay"]),
        ({"queue": "Not a queue", "priority": "99999999"}, ["priority", "queue"]),
    ],
)
def test_a_wrong_option_of_a_run_is_refused_with_its_field(
    site: Site, filled: dict[str, str], fields: list[str]
) -> None:
    site.add(greet)
    answer = site.client.post("/tasks/greet/run", data=filled, headers=HTML)
    assert answer.status_code == 422
    assert re.findall(r'data-field="(\w+)"', answer.text) == fields
    assert site.harness.runs("greet") == []


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("copies", "two", "&#39;two&#39; is not a whole number"),
        ("copies", "1.5", "is not a whole number"),
        ("gift", "1", "is not yes or no"),
        ("extra", "hello", "is not JSON"),
        pytest.param("extra", "[" * 50_000, "is not JSON", id="endless"),
    ],
)
def test_what_does_not_fit_a_parameter_starts_nothing(
    site: Site, field: str, value: str, why: str
) -> None:
    site.add(order, kwargs={"title": "Emma"})
    answer = site.client.post("/tasks/order/run", data={f"arg-{field}": value}, headers=HTML)
    assert answer.status_code == 422
    assert f"{field}: " in answer.text
    assert why in answer.text
    assert site.harness.runs("order") == []


def test_arguments_that_are_too_deep_start_nothing(site: Site) -> None:
    site.add(order, kwargs={"title": "Emma"})
    deep = "[" * 300 + "]" * 300
    answer = site.client.post("/tasks/order/run", data={"arg-extra": deep}, headers=HTML)
    assert answer.status_code == 422
    assert "nested more than 100 levels deep" in answer.text
    assert site.harness.runs("order") == []


@pytest.mark.parametrize("seconds", ["9" * 20, "-" + "9" * 20])
def test_a_pause_of_any_length_is_understood_or_refused(site: Site, seconds: str) -> None:
    site.add(greet)
    answer = site.client.post("/tasks/greet/pause", data={"for": seconds}, headers=HTML)
    assert answer.status_code in (303, 422)


def test_a_pause_has_a_reason_and_an_end(site: Site) -> None:
    site.add(greet)
    site.client.post("/tasks/greet/pause", data={"reason": "painters", "for": "3600"})
    task = site.manager.get_task("greet")
    assert task is not None
    assert task.paused_until is not None
    assert timedelta(minutes=50) < task.paused_until - datetime.now(UTC) < timedelta(minutes=61)
    page = text(site.client.get("/tasks/greet").text)
    assert "Paused until" in page
    assert "painters" in page
    site.client.post("/tasks/greet/pause", data={"until": "2100-01-31T09:00"})
    page = text(site.client.get("/tasks/greet").text)
    assert "until 31 Jan 2100 09:00 UTC: paused on the page" in page
    answer = site.client.post("/tasks/greet/pause", data={"until": "soon"}, headers=HTML)
    assert answer.status_code == 422
    assert "is not a time" in answer.text


def test_the_next_time_can_be_skipped_and_no_other(site: Site) -> None:
    site.add(greet)
    first = re.findall(r'name="at" value="([^"]+)"', site.client.get("/tasks/greet").text)
    assert len(first) == 1
    site.client.post("/tasks/greet/skip", data={"at": first[0]})
    page = site.client.get("/tasks/greet").text
    assert "skipped manually" in text(page)
    assert f'name="at" value="{first[0]}"' not in page
    again = site.client.post("/tasks/greet/skip", data={"at": first[0]}, headers=HTML)
    assert again.status_code == 409
    assert "the next occurrence" in again.text
    answer = site.client.post("/tasks/greet/skip", data={"at": "soon"}, headers=HTML)
    assert answer.status_code == 422
    assert len(site.harness.runs("greet")) == 1


def test_the_user_of_the_last_change_is_shown(site: Site) -> None:
    site.add(greet)
    assert 'id="audit"' not in site.client.get("/tasks/greet").text
    site.client.post("/tasks/greet/pause", data={"reason": "painters"})
    site.client.post("/manager/tasks/greet/resume")
    audit = part(site.client.get("/tasks/greet").text, "audit")
    assert "a user over REST resume" in audit
    assert "a user on the page pause painters" in audit


def test_only_source_in_the_tasks_directory_is_shown(tmp_path: Path) -> None:
    files = tmp_path / "backgroundtask"
    files.mkdir()
    (files / "mine.py").write_text(
        "import rota\n\n\n"
        '@rota.task("interval", hours=9)\n'
        "def sweep():\n"
        '    print("<b>sweep</b>")\n\n\n'
        "SECRET = 1\n"
    )
    with Site(tmp_path) as site:
        site.manager.discover()
        site.add(greet)
        source = part(site.client.get("/tasks/sweep").text, "source")
        assert "backgroundtask/mine.py:4" in source
        assert "def sweep():" in source
        assert "&lt;b&gt;sweep&lt;/b&gt;" in source
        assert "SECRET" not in source
        assert 'id="source"' not in site.client.get("/tasks/greet").text
        whole = (files / "mine.py").read_text()
        for line in (
            '    x = """open',
            "    x = 'open",
            "    x = (1,",
            "\tx = 1\n    y",
            "\0",
            "\x0c\\",
        ):
            (files / "mine.py").write_text(whole.replace("    print", f"{line}\n    print"))
            page = site.client.get("/tasks/sweep")  # as while the file is being edited
            assert page.status_code == 200
            assert "SECRET" not in part(page.text, "source")
        (files / "mine.py").unlink()
        assert 'id="source"' not in site.client.get("/tasks/sweep").text


def test_only_another_node_has_the_code(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.add(greet)
        site.run("greet")
    with Site(tmp_path) as site:
        page = text(site.client.get("/tasks/greet").text)
        assert "unresolved" in page
        assert "This node does not have its code." in page


async def book(day: date, seats: Decimal = Decimal(1), colour: str = "red") -> list[str]:
    return [repr(day), repr(seats), colour]


def test_a_form_takes_what_the_annotations_name(site: Site) -> None:
    site.add(book, kwargs={"day": date(2024, 2, 29)})
    form = site.client.get("/tasks/book").text
    assert 'placeholder="2024-02-29"' in form
    assert "day date seats decimal number colour text" in part(form, "run-form")
    filled = {"arg-day": "2024-03-01", "arg-seats": "1.50", "arg-colour": "5"}
    site.client.post("/tasks/book/run", data=filled)
    assert site.harness.ended("book")[0].result == [
        "datetime.date(2024, 3, 1)",
        "Decimal('1.50')",
        "5",
    ]


def test_every_field_that_is_wrong_is_named(site: Site) -> None:
    site.add(book, kwargs={"day": date(2024, 2, 29)})
    wrong = {"arg-day": "soon", "arg-seats": "few"}
    answer = site.client.post("/tasks/book/run", data=wrong, headers=HTML)
    assert answer.status_code == 422
    assert re.findall(r'data-field="arg-(\w+)"', answer.text) == ["day", "seats"]
    assert site.harness.runs("book") == []
