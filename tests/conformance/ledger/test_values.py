"""Values that are hard to store: none may be refused, cut off or poison its batch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rota.core.run import State
from rota.ledger import open_ledger
from tests.conformance.ledger.desk import Desk, FakeClock, line, record

circle: list[Any] = []
circle.append(circle)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        ("", ""),
        (0, 0),
        (False, False),
        ([], []),
        ({}, {}),
        ("nul \x00 in it", "nul \x00 in it"),
        ("half a pair \ud83d", "half a pair ?"),
        ({"k\ud83d": ["\udc00"]}, {"k?": ["?"]}),
        (2**80, 2**80),
        (0.1, 0.1),
        (float("inf"), "inf"),
        ({"x": [float("nan")]}, {"x": ["nan"]}),
        ({1: 2}, {"1": 2}),
        (datetime(2026, 2, 2, tzinfo=UTC), "2026-02-02 00:00:00+00:00"),
        ({"s": {1}}, {"s": [1]}),
        (circle, "(too deep, or a circle)"),
    ],
)
def test_a_result_comes_back(desk: Desk, value: Any, read: Any) -> None:
    hard, easy = desk.running("hard"), desk.running("easy")
    refused = desk.settle(desk.ending(hard, result=value), desk.ending(easy, result="kept"))
    assert refused == []
    assert desk.run(hard.run_id).result == read
    assert desk.run(easy.run_id).result == "kept"


def test_a_checkpoint_progress_and_arguments_come_back(desk: Desk) -> None:
    hard = {"nul": "\x00", "half": "\ud800", "inf": float("inf"), "big": 2**70}
    soft = {"nul": "\x00", "half": "?", "inf": "inf", "big": 2**70}
    (planned,) = desk.plan(desk.new(arguments=hard))
    (claim,) = desk.claim()
    assert claim.arguments == soft
    desk.do(lambda tx: tx.progress(claim.run_id, claim.fence, hard))
    desk.do(lambda tx: tx.checkpoint(claim.run_id, claim.fence, hard))
    assert desk.run(planned.run_id).progress == soft
    desk.settle(desk.ending(claim, State.QUEUED))
    assert desk.claim()[0].checkpoint == soft


def test_texts_lose_nothing_but_what_no_database_can_keep(desk: Desk) -> None:
    hard, soft = "a\x00b\ud800c'\"\\u0000%s:x", "a\u2400b?c'\"\\u0000%s:x"
    claim = desk.running()
    desk.do(lambda tx: tx.log([line(claim.run_id, 1, hard), line(claim.run_id, 2, "kept")]))
    desk.settle(desk.ending(claim, State.FAILED, reason=hard))
    assert [one.text for one in desk.history.logs(claim.run_id)] == [soft, "kept"]
    assert desk.run(claim.run_id).reason == soft


def test_a_task_with_hard_texts_is_registered(desk: Desk) -> None:
    task = record("t", description="\x00\ud800", trigger_args={"text": "\x00\ud800"})
    desk.register(task)
    stored = desk.history.task("t").record
    assert (stored.description, stored.trigger_args) == ("\u2400?", {"text": "\x00?"})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()))))
def test_no_text_poisons_a_batch(texts: list[str]) -> None:
    ledger = open_ledger("memory://", clock=FakeClock())
    ledger.open()
    try:
        lines = [line("r", seq, text) for seq, text in enumerate(texts, 1)]
        ledger.write(lambda tx: tx.log(lines)).result(timeout=90)
        stored = [one.text for one in ledger.history.logs("r")]
    finally:
        ledger.close()
    plain = [text.replace("\x00", "\u2400").encode("utf-8", "replace").decode() for text in texts]
    assert stored == plain
