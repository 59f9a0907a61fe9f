"""A small HTTP service that says who it is and what reached it: it stands behind nginx in the tests."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

STREAM_SECONDS = 30


class Stub:
    """Serves on a free port of 127.0.0.1 while its block lasts.

    A path with `drop` in it gets no answer; one that ends in `event-stream` gets a piece at once and a second one when
    `more` is set; every other one gets what arrived, as JSON. `requests` counts all.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests = 0
        self.more = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        """Where it serves."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(stub) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - inside the class below, self is a request's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                stub.requests += 1
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if "drop" in self.path:
                    self.close_connection = True
                elif self.path.endswith("event-stream"):
                    self.stream()
                else:
                    self.echo(body)

            do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def echo(self, body: bytes) -> None:
                arrived = {
                    "service": stub.name,
                    "method": self.command,
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body_bytes": len(body),
                }
                answer = json.dumps(arrived).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Service", stub.name)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            def stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(b"data: first\n\n")
                if stub.more.wait(STREAM_SECONDS):
                    self.wfile.write(b"data: second\n\n")
                self.close_connection = True

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        return Handler
