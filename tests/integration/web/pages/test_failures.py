"""The screen Failures as a browser without JavaScript gets it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import rota
from rota.core.audit import AuditFilter, Verb
from rota.core.run import Cause, State
from tests.integration.web.pages.read import part, text
from tests.integration.web.site import Gate, Site, fail, greet


def moody() -> None:
    """Fail in another way."""
    raise KeyError("mood")


def test_failures_are_counted_by_task_and_exception(site: Site) -> None:
    site.add(fail, name="Unlucky", max_retries=0)
    site.add(moody, max_retries=0)
    site.add(greet)
    for _ in range(2):
        site.run("fail")
    newest = site.run("fail")
    site.run("moody")
    site.run("greet")
    page = site.client.get("/failures").text
    told = text(page[page.index('id="failures"') :])
    assert "Failures 4 of 2 tasks in the last 24 hours" in told
    assert told.index("Unlucky ValueError no such luck") < told.index("KeyError")
    assert "3 times" in told
    assert f'href="/runs/{newest}"' in page
    assert "greet" not in told


def test_failures_without_an_exception_are_grouped_by_the_code_of_their_reason(site: Site) -> None:
    def refuse(order: int = 0) -> None:
        raise rota.Fail(f"order {order}: unknown")

    site.add(refuse)
    for run_id in site.manager.run_many("refuse", [{"order": number} for number in (7, 8)]):
        site.wait(run_id, State.FAILED)
    page = text(site.client.get("/failures").text)
    assert "Failures 2 of 1 task" in page
    assert "task failed order 8: unknown" in page
    assert "order 7" not in page


def test_the_address_contains_the_span_of_failures(site: Site) -> None:
    site.add(fail, max_retries=0)
    site.run("fail")
    for span, name in (("1h", "hour"), ("7d", "7 days"), ("nonsense", "24 hours")):
        page = site.client.get(f"/failures?span={span}").text
        assert f"1 of 1 task in the last {name}" in part(page, "failures")


def test_nothing_failed(site: Site) -> None:
    assert "Nothing failed in the last hour" in site.client.get("/failures?span=1h").text


def test_all_of_a_kind_are_retried_once(site: Site, gate: Gate) -> None:
    def flaky(number: int = 0) -> int:
        if number == 9:
            raise KeyError(number)
        if not gate.open.is_set():
            raise ValueError(number)
        return number

    site.add(flaky, max_retries=0)
    failed = site.manager.run_many("flaky", [{"number": number} for number in (1, 2, 9)])
    for run_id in failed:
        site.wait(run_id, State.FAILED)
    gate.open.set()
    form = {"task": "flaky", "kind": "ValueError", "span": "1h", "reason": "mended"}
    for _ in range(2):  # the second time there is nothing left to retry
        answer = site.client.post("/failures/retry", data=form)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/failures?span=1h"
    again = [run for run in site.harness.ended("flaky", 5) if run.id not in failed]
    assert sorted(run.result for run in again) == [1, 2]
    assert {run.cause for run in again} == {Cause.MANUAL}
    changes = site.manager.history.audit(AuditFilter(verbs={Verb.RETRY})).changes
    assert {one.run_id for one in changes} == set(failed[:2])
    assert all("mended" in one.reason and one.face == "page" for one in changes)


def test_two_concurrent_bulk_retries_retry_each_run_once(site: Site) -> None:
    site.add(fail, max_retries=0)
    for run_id in site.manager.run_many("fail", [None] * 20):
        site.wait(run_id, State.FAILED)
    form = {"task": "fail", "kind": "ValueError", "span": "1h"}
    with ThreadPoolExecutor(4) as people:
        list(people.map(lambda _: site.client.post("/failures/retry", data=form), range(4)))
    retries = site.manager.history.audit(AuditFilter(verbs={Verb.RETRY})).changes
    assert len({one.run_id for one in retries}) == len(retries)


def test_a_retry_of_what_there_is_not_does_nothing(site: Site) -> None:
    assert site.client.post("/failures/retry", data={"task": "nobody"}).status_code == 303
    assert site.client.post("/failures/retry").status_code == 303


def test_what_an_exception_says_is_inert(site: Site) -> None:
    def hostile() -> None:
        raise ValueError("<img src=x onerror=hit()>\u202e" + "x" * 5000)

    site.add(hostile, name="<script>hit()</script>", max_retries=0)
    site.run("hostile")
    page = site.client.get("/failures").text
    assert "<img" not in page
    assert "<script>hit" not in page
    assert "\u202e" not in page
