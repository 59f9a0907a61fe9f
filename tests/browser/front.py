"""What stands between browser and application: now and then it refuses, or cuts a connection, as any network does."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

FRAGMENTS = ("/timeline", "/rows", "/identity", "/panel", "/find")


class Front:
    """Passes requests on. `failing` refuses the stretches that a page's script fetches; `streams` are the live ones."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self.failing = False
        self.streams: list[socket.socket] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if self.failing and path.endswith(FRAGMENTS):
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"broken on purpose"]
        body = self._app(environ, start_response)
        return self._watched(environ["werkzeug.socket"], body) if path.endswith("/event-stream") else body

    def _watched(self, connection: socket.socket, body: Iterable[bytes]) -> Iterator[bytes]:
        self.streams.append(connection)
        try:
            yield from body
        finally:
            if connection in self.streams:
                self.streams.remove(connection)
            if close := getattr(body, "close", None):
                close()

    def cut(self) -> None:
        """Break all live streams, as a network does: whoever sends notices later."""
        while self.streams:
            with contextlib.suppress(OSError):
                self.streams.pop().shutdown(socket.SHUT_RDWR)

    def recover(self) -> None:
        """Be as at the beginning."""
        self.failing = False
        self.cut()
