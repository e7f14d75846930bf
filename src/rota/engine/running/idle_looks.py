"""How often the dispatcher looked for runs and found nothing to claim."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping


class IdleLooks:
    """Counts the looks, by executor, in which it had free slots and there was nothing to claim."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._changed = threading.Condition()

    def add(self, executors: Iterable[str]) -> None:
        """Count one look for each of these executors; called by the dispatcher."""
        with self._changed:
            self._counts.update(executors)
            self._changed.notify_all()

    def of(self, executors: Iterable[str]) -> Mapping[str, int]:
        """Return the number of looks for each of these executors."""
        with self._changed:
            return {name: self._counts[name] for name in executors}

    def wait(self, before: Mapping[str, int], timeout: float) -> bool:
        """Wait until there was another look for each executor since these numbers, at most
        `timeout` seconds; returns whether there was. Called from any thread but the dispatcher's.
        """

        def has_looked() -> bool:
            return all(self._counts[name] != count for name, count in before.items())

        with self._changed:
            return self._changed.wait_for(has_looked, timeout)
