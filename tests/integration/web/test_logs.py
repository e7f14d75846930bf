"""Logs as text, and as a stream that follows a run until it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

import rota
from rota.core.run import State
from tests.integration.web.site import Gate, Site, greet


def events(answer: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """Read server-sent events: kind, id, data."""
    kind = id = ""
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "id":
            id = value
        elif name == "data":
            yield kind, id, json.loads(value)


def test_the_log_as_text_steers_nothing(site: Site) -> None:
    def speak() -> None:
        rota.current_run().logger.info("one\r\ntwo \x1b[31mred\x00")

    site.add(speak)
    run_id = site.run("speak")
    answer = site.client.get(f"/manager/runs/{run_id}/logs/text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f"attachment; filename={run_id}.log"
    first, second, end = answer.text.split("\n")
    assert first.endswith(" | one")
    assert (second, end) == ("    two ␛[31mred␀", "")
    assert site.client.get("/manager/runs/nothing/logs/text").status_code == 404


def test_a_stream_follows_a_run_until_it_ends(site: Site, gate: Gate) -> None:
    async def work() -> None:
        rota.current_run().logger.info("first")
        await gate.hold()
        rota.current_run().logger.info("last")

    site.add(work)
    run_id = site.run("work", State.RUNNING)
    with site.client.stream("GET", f"/manager/runs/{run_id}/logs/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = events(answer)
        kind, id, line = next(found)
        assert (kind, id, line["text"]) == ("line", "1.1", "first")
        gate.open.set()
        told = list(found)
    assert [(kind, data.get("text")) for kind, _, data in told] == [("line", "last"), ("end", None)]
    assert told[-1][2] == {"state": "succeeded", "reason": ""}


def test_a_stream_goes_on_after_the_last_line_that_was_seen(site: Site) -> None:
    site.add(greet)
    address = f"/manager/runs/{site.run('greet')}/logs/stream"
    for query, headers in (("?after=1.1", {}), ("", {"Last-Event-ID": "1.1"})):
        with site.client.stream("GET", address + query, headers=headers) as answer:
            told = list(events(answer))
        assert [data.get("text") for _, _, data in told] == ["and good night", None]


def test_a_stream_of_nothing_is_refused(site: Site) -> None:
    answer = site.client.get("/manager/runs/nothing/logs/stream")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:rota:problem:unknown-run")
    site.add(greet)
    address = f"/manager/runs/{site.run('greet')}/logs/stream"
    assert site.client.get(address, headers={"Last-Event-ID": "x"}).status_code == 422
