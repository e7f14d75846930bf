"""A Django application that enqueues: `python -m … LEDGER HOST`, or `… LEDGER PATH` for SQLite.

It prints as JSON what it saw; the ledger shows the rest.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings


def main(ledger: str, place: str) -> None:
    """Enqueue in transactions that commit, and in ones that do not."""
    postgres = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres"}
    lite = {"ENGINE": "django.db.backends.sqlite3", "NAME": place}
    database = lite if place.endswith(".db") else {**postgres, "HOST": place}
    settings.configure(DATABASES={"default": database}, USE_TZ=True)

    from django.db import connection, transaction

    from rota.config import Xcorecfg
    from rota.errors import StateError
    from rota.manager import TaskManager

    manager = TaskManager(Xcorecfg.model_validate({"manager": {"ledger_url": ledger}}))

    def enqueue(n: int, **how: Any) -> Any:
        return manager.enqueue("tx.double", arguments={"n": n}, connection=connection, **how)

    def known() -> list[int]:
        return sorted(run.arguments["n"] for run in manager.runs(task_id="tx.double"))  # type: ignore[index]

    seen: dict[str, Any] = {}
    try:
        with transaction.atomic():
            enqueue(1)
            raise RuntimeError  # as a view that fails
    except RuntimeError:
        seen["rolled back"] = known()
    with transaction.atomic():
        handle = enqueue(2, key="k")
        seen["before the commit"] = known()
    seen["committed"] = known()
    seen["state"] = handle.state
    with transaction.atomic():
        with transaction.atomic():
            enqueue(3)
        try:
            with transaction.atomic():
                enqueue(4)
                raise RuntimeError
        except RuntimeError:
            pass
    seen["inner"] = known()
    enqueue(5)  # no transaction: at once
    seen["alone"] = known()
    try:
        with transaction.atomic():
            enqueue(6, key="k", on_conflict="error")
            seen["not refused"] = "in the transaction"
    except StateError as error:
        seen["taken"] = error.where
    seen["in the end"] = known()
    manager.shutdown()
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
