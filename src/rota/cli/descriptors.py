"""The limit of open files of this process."""

from __future__ import annotations

import logging
import resource

logger = logging.getLogger("rota.up")

WANTED = 4_096
"""Enough for the connections to the pages, the ledger and what tasks open."""


def raise_limit(wanted: int = WANTED) -> None:
    """Raise the limit to `wanted` descriptors, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError) as error:
            logger.debug("The limit of open files stays at %d: %s", soft, error)
