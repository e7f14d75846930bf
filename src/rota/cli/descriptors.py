"""How many files this process may have open at once."""

from __future__ import annotations

import logging
import resource

logger = logging.getLogger("rota.up")

WANTED = 4_096
"""Enough for the connections to the pages, the ledger and what tasks open."""


def raise_limit(wanted: int = WANTED) -> None:
    """Have this process open more of them, where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError) as error:
            logger.debug("The limit of open files stays at %d: %s", soft, error)
