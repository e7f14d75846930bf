"""A small server on the loopback interface that answers as it is told and remembers requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """What is served at every path, and what was asked."""

    url: str = ""
    content: bytes = b""
    status: int = 200
    silent: bool = False
    leads_to: str = ""  # where the answer redirects to
    requests: list[dict[str, str]] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def etag(self) -> str:
        """The version of the content."""
        return f'"{hash(self.content)}"'


@contextmanager
def serving() -> Iterator[Service]:
    """Serve until the end of the block."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.requests.append(dict(self.headers))
            if service.silent:
                service.closing.wait()
            elif service.leads_to:
                self.send_response(302)
                self.send_header("Location", service.leads_to)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.headers.get("If-None-Match") == service.etag:
                self.send_response(304)
                self.end_headers()
            else:
                self.answer(service.status, service.content)

        def do_POST(self) -> None:
            service.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(service.status, b"{}")

        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", service.etag)
            self.send_header("Last-Modified", "Wed, 01 May 2024 10:00:00 GMT")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        service.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
