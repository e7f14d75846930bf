"""Find what is wrong: in the project, on a node, in the ledger."""

from __future__ import annotations

COMMANDS = {
    "check": "Find every mistake in the configuration and the task files.",
    "health": "Print the node's health as JSON.",
    "verify": "Compare the ledger with the triggers, and list what is missing or wrong.",
    "doctor": "Find out why tasks do not run, run twice, grow or are missed.",
}
