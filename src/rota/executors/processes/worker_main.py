"""The main program of a worker process: it imports functions by name and calls them.

Started by `worker_process` with the number of the channel, and the lifeline as standard input.
Messages to it: first its settings, then one job at a time, and `["stored", None | reason]`
after each of its checkpoints and steps. For each job it says `["begun"]`, then `["log", …]`,
`["progress", …]`, `["checkpoint", value]`, `["remember", key, value]` as they come, and at last
`["end", outcome]`.
"""

from __future__ import annotations

import sys

from rota.executors.processes.guardian import fork_guarded


def main() -> None:
    """Become a guardian and its worker, and work until the channel ends."""
    descriptor = int(sys.argv[1])
    fork_guarded(descriptor)
    # Imported after the fork: the guardian has no use for it.
    import faulthandler
    import socket

    from rota.executors.processes.channel import Channel
    from rota.executors.processes.worker_jobs import work

    faulthandler.enable()  # the place of a crash in C code ends up in the run's log
    sock = socket.socket(fileno=descriptor)
    sock.set_inheritable(False)
    work(Channel(sock))
