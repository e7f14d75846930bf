"""The main program of a worker process: it imports functions by name and calls them.

`worker_process` starts it with the descriptor of the channel as its argument and the lifeline as
standard input. It receives its settings, then one job at a time, and `["stored", None | reason]`
after each of its checkpoints and steps. For each job it sends `["begun"]`, then `["log", …]`,
`["progress", …]`, `["checkpoint", value]` and `["remember", key, value]` as they occur, and
finally `["end", outcome]`.
"""

from __future__ import annotations

import sys

from rota.executors.processes.guardian import fork_guarded


def main() -> None:
    """Become a guardian and its worker, and work until the channel is closed."""
    descriptor = int(sys.argv[1])
    fork_guarded(descriptor)
    # Imported after the fork: the guardian does not need them.
    import faulthandler
    import socket

    from rota.executors.processes.channel import Channel
    from rota.executors.processes.worker_jobs import work

    faulthandler.enable()  # puts the traceback of a crash in C code into the run's log
    sock = socket.socket(fileno=descriptor)
    sock.set_inheritable(False)
    work(Channel(sock))
