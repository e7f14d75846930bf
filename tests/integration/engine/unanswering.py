"""A ledger that does as it is asked and does not say so: one verb hangs, as on a disk that does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from rota.core.ports.ledger import Ledger, Transaction

T = TypeVar("T")


class UnansweringLedger:
    """The answers to `verb`, of a transaction or of the history, come while `answers` is set."""

    def __init__(self, ledger: Ledger, verb: str) -> None:
        self._ledger = ledger
        self._verb = verb
        self.answers = threading.Event()
        self.answers.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @property
    def history(self) -> Any:
        """Return the reading side."""
        return _History(self._ledger.history, self._verb, self.answers)

    def write(self, operation: Callable[[Transaction], T]) -> Future[T]:
        """Write; the future of what used the verb has its result when `answers` is set."""
        asked: set[str] = set()
        written: Future[T] = Future()
        durable = self._ledger.write(lambda tx: operation(_Transaction(tx, asked)))

        def pass_on() -> None:
            if (error := durable.exception()) is not None:
                written.set_exception(error)
            else:
                written.set_result(durable.result())

        def once_answering() -> None:
            self.answers.wait()
            pass_on()

        def is_durable(_: object) -> None:
            if self._verb in asked:
                threading.Thread(target=once_answering, daemon=True).start()
            else:
                pass_on()

        durable.add_done_callback(is_durable)
        return written


class _History:
    def __init__(self, history: Any, verb: str, answers: threading.Event) -> None:
        self._history = history
        self._verb = verb
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        if name == self._verb:
            self._answers.wait()
        return getattr(self._history, name)


class _Transaction:
    def __init__(self, tx: Transaction, asked: set[str]) -> None:
        self._tx = tx
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        self._asked.add(name)
        return getattr(self._tx, name)
