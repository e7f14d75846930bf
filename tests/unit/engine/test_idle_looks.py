"""A thread waits for a look of the dispatcher, and is woken by it."""

from __future__ import annotations

import threading

from rota.engine.running.idle_looks import IdleLooks


def test_a_waiter_is_woken_once_every_executor_was_checked() -> None:
    looks, began, seen = IdleLooks(), threading.Event(), list[bool]()
    before = looks.of(["async", "thread"])

    def wait() -> None:
        began.set()
        seen.append(looks.wait(before, 60))

    waiter = threading.Thread(target=wait)
    waiter.start()
    began.wait(60)
    looks.add(["async"])
    assert not looks.wait(before, 0), "not yet for each"
    looks.add(["thread"])
    waiter.join(60)
    assert seen == [True]
    assert looks.of(["async", "process"]) == {"async": 1, "process": 0}
