"""Whether the process of a node still runs, as far as this host can know."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil

from rota.core.ports.records import NodeRecord


def host() -> str:
    """Return a name under which process ids mean one thing: machine, pid namespace and boot."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{namespace}/{boot}"


def process_start_token(pid: int) -> str:
    """Return when a process began, as a word to compare: no step of the wall clock changes it.

    Linux keeps that in ticks since the machine was started; psutil adds the wall clock's idea of
    when that was, which moves with each step. Raises psutil.Error.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return str(psutil.Process(pid).create_time())
    return after_name.split()[19]


def is_dead(node: NodeRecord) -> bool:
    """Return whether a node surely runs no more: it was on this host and its process is gone."""
    if node.host != host():
        return False
    try:
        if psutil.Process(node.pid).status() == psutil.STATUS_ZOMBIE:
            return True  # its parent has not taken note yet
        found = process_start_token(node.pid)
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
    return bool(node.info.get("born", found) != found)
