"""A process of its own that opens a ledger and races others: `python -m … URL VERB`.

It says "ready", waits for a line, and then does its verb; every line it prints is JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from rota.core.ports.ledger import Transaction
from rota.core.ports.records import Enqueued, NewRun, OnConflict
from rota.core.time import DAY
from rota.errors import StateError
from tests.conformance.ledger.desk import NOON, Desk, ids

OCCURRENCES = 200
KEYS = 12


def say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def plan(desk: Desk) -> None:
    """Plan all occurrences, a few at a time, and say what was won."""
    won: list[str] = []
    for start in range(0, OCCURRENCES, 10):
        some = [desk.new(fire_time=NOON + n) for n in range(start, start + 10)]
        won += ids(desk.plan(*some))
    say(won)


def claim(desk: Desk) -> None:
    """Claim what there is, a few at a time, and say what was won."""
    won: list[str] = []
    while claims := desk.claim(limit=7):
        won += ids(claims)
    say(won)


def write(desk: Desk) -> None:
    """Plan one run after the other, for ever; say each id as soon as it is durable."""
    while True:
        say(desk.plan(desk.new())[0].run_id)


def enqueue(desk: Desk, on_conflict: OnConflict) -> None:
    """Enqueue a run for one key after the other, each when a line comes; say which run has it."""
    until = desk.now + DAY
    for key in range(KEYS):
        sys.stdin.readline()
        run = desk.new(key=str(key))
        how: dict[str, Any] = {"on_conflict": on_conflict, "key_until": until}
        try:
            (found,) = desk.do(partial(_enqueue, run, how))
        except StateError:
            say(None)
        else:
            say([found.run_id, found.is_new])


def _enqueue(run: NewRun, how: dict[str, Any], tx: Transaction) -> list[Enqueued]:
    return tx.enqueue([run], **how)


VERBS: dict[str, Callable[[Desk], None]] = {
    "plan": plan,
    "claim": claim,
    "write": write,
    **{str(one): partial(enqueue, on_conflict=one) for one in OnConflict},
}

if __name__ == "__main__":
    url, verb = sys.argv[1:]
    say("ready")
    sys.stdin.readline()
    with Desk(url) as desk:
        VERBS[verb](desk)
