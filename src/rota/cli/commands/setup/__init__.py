"""Set a project up: its files, its tokens, its ledger."""

from __future__ import annotations

COMMANDS = {
    "init": "Create a new project that works at once.",
    "token": "Create, list and revoke tokens for the API and the pages; print a sign-in link.",
    "db": "Copy a ledger with its whole history to a file or a server.",
}
