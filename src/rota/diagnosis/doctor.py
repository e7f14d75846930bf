"""The doctor: the troubles that schedulers have, each answered from what is on record."""

from __future__ import annotations

from rota.diagnosis import damaged, growth, machine, missed, not_running, repeated
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis

_TROUBLES = {
    "tasks not running": not_running.findings,
    "tasks running multiple times": repeated.findings,
    "missed executions": missed.findings,
    "memory leaks": growth.findings,
    "damaged rows": damaged.findings,
    "the machine": machine.findings,
}


def examine(evidence: ProjectEvidence) -> dict[str, list[Diagnosis]]:
    """Return what is found, trouble by trouble."""
    return {trouble: list(look(evidence)) for trouble, look in _TROUBLES.items()}
