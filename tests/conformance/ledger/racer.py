"""A process of its own that opens a ledger and races others: `python -m … URL VERB`.

It says "ready", waits for a line, and then does its verb; every line it prints is JSON.
"""

from __future__ import annotations

import json
import sys

from tests.conformance.ledger.desk import NOON, Desk, ids

OCCURRENCES = 200


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


if __name__ == "__main__":
    url, verb = sys.argv[1:]
    say("ready")
    sys.stdin.readline()
    with Desk(url) as desk:
        {"plan": plan, "claim": claim, "write": write}[verb](desk)
