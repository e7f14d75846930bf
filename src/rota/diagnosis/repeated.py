""" "Tasks running multiple times": what may look like it, and what cannot be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

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
        return warn("one run per occurrence", why, "The ledger is damaged: restore a copy.")
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
        yield note("one id per function", why, "If that is not meant, remove all but one.")
    if not shared:
        yield ok("one id per function", "no function is registered twice.")


def _attempts(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    record = evidence.last_day
    for task, count in record.crashed.most_common(5):
        yield warn(
            f"task {task}",
            f"in the last 24 h the worker died in {count} of its runs, which were attempted again:"
            " what they had done until then was done twice.",
            "Do what must not be repeated in rota.once(…), store where it is with"
            ' rota.current_run().checkpoint(…), or set on_crash="lose" to have it at most once.',
        )
    for task, count in record.retried.most_common(5):
        yield note(
            f"task {task}",
            f"{count} of its runs in the last 24 h failed and were tried again, or ended so.",
            "`rota runs --task` shows why; max_retries=0 tries only once.",
        )
    if not record.crashed and not record.retried:
        yield ok("one attempt per run", "no run of the last 24 h needed a second attempt.")
