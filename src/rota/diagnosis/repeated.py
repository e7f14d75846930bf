""" "Tasks running multiple times": what may look like it, and what cannot be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rota.core.reasons import TroubleCode
from rota.core.reasons.remedies import reason
from rota.diagnosis import thresholds
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, note, ok, some, warn


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look for repeated occurrences, functions under several ids, and repeated attempts."""
    yield from _functions(evidence)
    if evidence.ledger_trouble is None:
        yield _occurrences(evidence)
        yield from _attempts(evidence)


def _occurrences(evidence: ProjectEvidence) -> Diagnosis:
    record = evidence.last_day
    if record.repeated:  # the ledger forbids it: then the ledger itself is not sound
        names = [task for task, _ in record.repeated]
        why = f"two rows for one occurrence of {some(names)}."
        return warn("one run per occurrence", reason(TroubleCode.RUNS_DOUBLE, why))
    return ok(
        "one run per occurrence",
        f"{record.occurrences} occurrences in the last 24 h, each with one run; the ledger has a"
        " unique key on task and instant, so no number of nodes can plan one twice.",
    )


def _functions(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for entry in evidence.entries:
        ids[entry.definition.func_path].append(entry.definition.id)
    shared = {path: names for path, names in ids.items() if len(names) > 1}
    for path, names in shared.items():
        why = f"{path} runs under several ids: {some(names)}."
        yield note("one id per function", reason(TroubleCode.FUNCTION_SHARED, why))
    if not shared:
        yield ok("one id per function", "no function is registered twice.")


def _attempts(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    record = evidence.last_day
    for task, count in record.crashed.most_common(thresholds.MOST_REPEATED):
        text = (
            f"in the last 24 h the worker died in {count} of its runs, which were attempted again:"
            " what they had done until then was done twice."
        )
        yield warn(f"task {task}", reason(TroubleCode.RUNS_CRASHED, text))
    for task, count in record.retried.most_common(thresholds.MOST_REPEATED):
        text = f"{count} of its runs in the last 24 h failed and were tried again, or ended so."
        yield note(f"task {task}", reason(TroubleCode.RUNS_RETRIED, text))
    if not record.crashed and not record.retried:
        yield ok("one attempt per run", "no run of the last 24 h needed a second attempt.")
