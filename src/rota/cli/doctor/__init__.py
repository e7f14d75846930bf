"""The doctor: the troubles that schedulers have, each answered from what is on record."""

from __future__ import annotations

from rota.cli.doctor import damaged, growth, machine, missed, not_running, repeated
from rota.cli.doctor.evidence import ProjectEvidence
from rota.cli.doctor.finding import Diagnosis

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
