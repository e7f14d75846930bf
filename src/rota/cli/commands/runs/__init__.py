"""Start runs, cancel them, and read what happened."""

from __future__ import annotations

COMMANDS = {
    "run": "Start a task manually.",
    "cancel": "Cancel a waiting or running run.",
    "retry": "Retry a run that ended without success.",
    "rerun": "Do the occurrence of a run again.",
    "backfill": "Run past occurrences of a task, with their own times.",
    "runs": "List the runs: what happened, and why.",
    "logs": "Show what a run logged and printed.",
    "audit": "List who changed what.",
    "export": "Write the runs or the audit as JSON lines.",
}
