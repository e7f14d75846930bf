"""Many connections that say little, from a process of its own: `attack.py KIND PORT COUNT`.

It holds them, making anew what is cut, until its input ends; prints how many were made.
"""

from __future__ import annotations

import contextlib
import resource
import select
import selectors
import socket
import sys
import time

HEAD = b"POST /manager/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
FIRST = {
    "idle": b"",
    "heads": b"GET /manager/tasks HTTP/1.1\r\nHost: local",
    "bodies": HEAD + b"Content-Length: 1000000\r\n\r\n{",
    "deaf": b"GET /static/rota.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200,
}


def connect(kind: str, port: int) -> socket.socket | None:
    """Open a connection and say its first words."""
    one = socket.socket()
    try:
        one.settimeout(2)
        if kind == "deaf":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        one.connect(("127.0.0.1", port))
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            one.send(FIRST[kind])
    except OSError:
        one.close()
        return None
    return one


def say(line: str) -> None:
    """Tell the test a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(kind: str, port: int, count: int) -> None:
    """Attack until the input ends."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held: set[socket.socket] = set()
    watching = selectors.DefaultSelector()
    made, drip = 0, time.monotonic()
    say("begun")
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(min(count - len(held), 100)):
            if (one := connect(kind, port)) is not None:
                made += 1
                held.add(one)
                if kind != "deaf":
                    watching.register(one, selectors.EVENT_READ, one)
        for key, _ in watching.select(0.05):  # answered or cut: no longer one of ours
            ended = key.data
            watching.unregister(ended)
            held.discard(ended)
            ended.close()
        if time.monotonic() - drip > 1:
            drip = time.monotonic()
            for one in held:
                with contextlib.suppress(OSError):
                    one.send(b"a" if kind != "idle" else b"")
    say(str(made))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
