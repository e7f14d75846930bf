"""The role of a process among the nodes."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a node takes part in; any number of each may be up, all equal. Every node also takes
    over what dead ones left, and gives waiting runs to the broker.
    """

    ALL = "all"  # plans, runs, and shows the pages
    SCHEDULER = "scheduler"  # plans what is due
    WORKER = "worker"  # runs what was planned
    WEB = "web"  # shows the pages
