"""How hard the faults are tried: a short form on each change, a long one by `make chaos`.

What is random draws from `random`, which pytest-randomly seeds anew before each test: the seed is
in the report's head, and `make chaos SEED=…` repeats it.
"""

from __future__ import annotations

import os

LONG = os.environ.get("ROTA_CHAOS") == "1"


def effort(short: int, long: int) -> int:
    """Return how often to do something: `short` on each change, `long` under `make chaos`."""
    return long if LONG else short
