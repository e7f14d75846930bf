"""The machine: its clock, its disk, and the ledger on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rota.cli import words
from rota.cli.doctor.evidence import Evidence
from rota.cli.doctor.finding import Finding, note, ok, some, warn
from rota.core.instants import SECOND

_SKEW = 2.0  # seconds
_LITTLE_SPACE = 512 * 2**20  # bytes


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Look at ledger, disk and clocks."""
    yield _ledger(evidence)
    yield from _disk(evidence)
    yield from _clocks(evidence)


def _ledger(evidence: Evidence) -> Finding:
    trouble = evidence.ledger_trouble
    if trouble is not None:
        return warn("ledger", f"{trouble.where}: {trouble.what}", trouble.remedy)
    state = evidence.health["ledger"]
    if state["state"] == "missing":
        return note("ledger", "there is none yet.", "`rota up` makes it.")
    latency = state.get("latency")
    commit = f", the last commit took {words.duration(latency)}" if latency else ""
    return ok("ledger", f"{state['url']} opens and can be read{commit}.")


def _disk(evidence: Evidence) -> Iterator[Finding]:
    scheme, _, rest = evidence.config.manager.ledger_url.partition("://")
    if scheme != "sqlite":
        return
    directory = Path(rest.removeprefix("/")).absolute().parent
    try:
        usage = shutil.disk_usage(directory)
    except OSError as error:
        yield warn("disk space", f"{directory}: {error.strerror}.", "Make the directory.")
        return
    free = f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.0f} free at {directory}."
    if usage.free < _LITTLE_SPACE:
        yield warn("disk space", free, "Free some; manager.retention_days keeps less history.")
    else:
        yield ok("disk space", free)


def _clocks(evidence: Evidence) -> Iterator[Finding]:
    """A heartbeat from the future tells of a clock that goes before ours."""
    fast = [
        f"{node.name} by {words.duration((node.seen_at - evidence.now) / SECOND)}"
        for node in evidence.nodes
        if node.seen_at > evidence.now + _SKEW * SECOND
    ]
    if fast:
        why = f"the last sign of life lies in the future: {some(fast)}."
        yield warn("clocks", why, "Synchronise the clocks (NTP); was ours set back?")
    elif evidence.nodes:
        yield ok("clocks", "no node's last sign of life lies in the future.")
