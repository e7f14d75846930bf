"""Attacks on a server, from a process of their own: `attack.py KIND PORT COUNT`.

It holds so many connections that say little, making anew what is cut, or makes that many costly
requests at once, until its input ends. Then it prints how many there were.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable

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


class Requests:
    """One client after the other sends what costs the server most."""

    def __init__(self, port: int) -> None:
        self.made = 0
        self.is_over = False
        self._port = port

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """Send a request and return its answer."""
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            text = None if body is None else json.dumps(body, separators=(",", ":"))
            kind = {"Accept": "*/*", "Content-Type": "application/json", "Host": "localhost"}
            link.request(method, path, text, kind)
            answer = link.getresponse().read()
        finally:
            link.close()
        self.made += 1
        return answer

    def masks(self) -> None:
        """Hand in an argument of 40 KB that was costly to mask, and look at it again and again."""
        worst = {"arguments": {"name": ";" + "key" * 13_000}}
        run = json.loads(self.ask("POST", "/manager/tasks/named/run", worst))["id"]
        while not self.is_over:
            self.ask("GET", f"/manager/runs/{run}")
            self.ask("GET", f"/runs/{run}")

    def keys(self) -> None:
        """Send 60,000 keys that nobody knows, again and again."""
        body = {f"key{number}": 1 for number in range(60_000)}
        while not self.is_over:
            self.ask("POST", "/manager/tasks/named/run", body)
            self.ask("POST", "/manager/tasks/named/run", {"arguments": body})


def requests(kind: str, port: int, count: int) -> None:
    """Make that many requests at once until the input ends."""
    attack = Requests(port)
    repeat: Callable[[], None] = getattr(attack, kind)
    clients = [threading.Thread(target=repeat) for _ in range(count)]
    for client in clients:
        client.start()
    say("begun")
    sys.stdin.read()
    attack.is_over = True
    for client in clients:
        client.join()
    say(str(attack.made))


def connections(kind: str, port: int, count: int) -> None:
    """Hold that many connections until the input ends."""
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
    attack = connections if sys.argv[1] in FIRST else requests
    attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
