"""Run nodes: all of a project, or one role of it."""

from __future__ import annotations

COMMANDS = {
    "up": "Schedule and run the tasks of the project in this directory.",
    "scheduler": "Only plan occurrences, for workers in other processes.",
    "worker": "Only execute planned runs.",
    "web": "Only serve the pages and the API.",
    "nodes": "List the nodes.",
}
