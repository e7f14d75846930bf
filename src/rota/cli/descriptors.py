"""The file descriptors of this process: the first three, and the limit of their number."""

from __future__ import annotations

import logging
import os
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


def fill_standard() -> None:
    """Open /dev/null for each of the first three descriptors that is closed (`rota up >&-`).

    The next file or socket would get its number otherwise, and what programs that a task runs
    print would be written there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(opened, True)  # for the programs that tasks run
