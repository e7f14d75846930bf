"""Work aside: on threads that are used again, however much of it hangs."""

from __future__ import annotations

import threading

import pytest

from rota.runtime.daemon_threads import SPARE, start_in_thread
from rota.testing import eventually


def spare() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == SPARE}


def test_a_thread_that_is_free_is_used_again() -> None:
    start_in_thread(lambda: None).result(90)
    for _ in range(20):
        eventually(lambda: bool(spare()))
        before = spare()
        assert start_in_thread(threading.current_thread).result(90) in before


def test_a_hanging_thread_blocks_no_other_call() -> None:
    gate = threading.Event()
    hanging = [start_in_thread(gate.wait, f"hangs-{number}") for number in range(20)]
    assert start_in_thread(lambda: 7).result(90) == 7
    names = {thread.name for thread in threading.enumerate()}
    assert {f"hangs-{number}" for number in range(20)} <= names
    gate.set()
    assert all(one.result(90) for one in hanging)
    eventually(lambda: not any(t.name.startswith("hangs-") for t in threading.enumerate()))


def test_an_error_is_its_callers() -> None:
    def broken() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        start_in_thread(broken).result(90)
    assert start_in_thread(lambda: "goes on").result(90) == "goes on"
