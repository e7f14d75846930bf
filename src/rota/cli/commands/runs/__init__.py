"""Start runs, cancel them, and read what happened."""

from __future__ import annotations

COMMANDS = {
    "run": "Start a task manually.",
    "cancel": "Cancel a waiting or running run.",
    "runs": "List the runs: what happened, and why.",
    "logs": "Show what a run logged and printed.",
}
