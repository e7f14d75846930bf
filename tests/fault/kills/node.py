"""A real `rota up` that a signal meets at an exact moment: `python -m … MOMENT SIGNAL`.

The moment is a verb of the ledger and where it stands: "plan committed", "claim committed",
"settle written" (in its transaction, before the commit) or "settle committed". The first time
that verb did something, the process sends itself the signal, on the thread that writes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from rota import composition
from rota.cli.main import run
from rota.core.ports.clock import Clock
from rota.core.ports.ledger import Ledger, Transaction
from rota.core.run import State
from rota.ledger import open_ledger

T = TypeVar("T")


class Watched:
    """A transaction that notes which verbs did something."""

    def __init__(self, tx: Transaction, written: Callable[[str], None]) -> None:
        self._tx = tx
        self._written = written

    def __getattr__(self, verb: str) -> Any:
        do = getattr(self._tx, verb)

        def done(*args: Any, **named: Any) -> Any:
            answer = do(*args, **named)
            if _is_something(verb, args, answer):
                self._written(verb)
            return answer

        return done


class StruckLedger:
    """A ledger at whose `moment` this process gets the signal, once."""

    def __init__(self, ledger: Ledger, moment: str, number: signal.Signals) -> None:
        self._ledger = ledger
        self._moment = moment
        self._number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def write(self, operation: Callable[[Transaction], T]) -> Future[T]:
        seen: set[str] = set()

        def written(verb: str) -> None:
            seen.add(verb)
            self._strike(f"{verb} written")

        def committed(future: Future[T]) -> None:
            if future.exception() is None:
                for verb in seen:
                    self._strike(f"{verb} committed")

        # Whoever waits for this future learns of it after its first callback, which is ours.
        future: Future[T] = Future()
        watched = self._ledger.write(lambda tx: operation(Watched(tx, written)))
        watched.add_done_callback(committed)
        watched.add_done_callback(lambda done: _pass_on(done, future))
        return future

    def _strike(self, moment: str) -> None:
        if moment == self._moment:
            self._moment = ""
            os.kill(os.getpid(), self._number)
            time.sleep(1)  # it may meet another thread first: this one is not to go on meanwhile


def _is_something(verb: str, args: Any, answer: Any) -> bool:
    if verb == "plan":
        return any(one.state is State.RUNNING for one in answer)
    return bool(args[0]) if verb == "settle" else bool(answer)


def _pass_on(done: Future[T], future: Future[T]) -> None:
    error = done.exception()
    if error is None:
        future.set_result(done.result())
    else:
        future.set_exception(error)


if __name__ == "__main__":
    moment, number = sys.argv[1], signal.Signals[sys.argv[2]]

    def struck(url: str, *, clock: Clock) -> Any:
        return StruckLedger(open_ledger(url, clock=clock), moment, number)

    composition.open_ledger = struck  # type: ignore[attr-defined]
    sys.argv[1:] = ["up"]
    run()
