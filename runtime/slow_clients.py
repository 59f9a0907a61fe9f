"""Ends requests whose clients are too slow to send them, so that they cannot take all of a worker's threads.

The server bounds the time that a request's head may take, not its body's: a thread that reads a body waits for as long
as its client likes. So the requests that are being worked on are noted here, and when one takes longer than any sound
one can, every connection on which nothing was sent for as long is ended: it is that one, or idle, or of a request that
waited behind it, whose sender has to send it again. Linux tells when something was last sent; elsewhere a proxy in
front has to bound slow bodies.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

BODY_SECONDS: Final = 20.0
"""In which a request has to be there whole."""

PRESSED_SECONDS: Final = 10.0
"""The same while a quarter of the threads are taken; above what our own work can take, PostgreSQL or Kafka away."""

_LOOK_SECONDS: Final = 1.0
_LAST_DATA_SENT: Final = 44
"""Where `tcpi_last_data_sent` (milliseconds) stands in Linux's `struct tcp_info`; part of its ABI since 2.6."""

log = structlog.get_logger()


class SlowClients:
    """Notes requests (`guard`), and looks after them in a thread. `threads` are those of this process."""

    def __init__(
        self,
        threads: int,
        *,
        seconds: float = BODY_SECONDS,
        pressed_seconds: float = PRESSED_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._many = max(1, threads // 4)
        self._seconds = seconds
        self._pressed_seconds = min(pressed_seconds, seconds)
        self._monotonic = monotonic
        self._began: dict[int, tuple[float, str]] = {}

    def guard(self, application: WSGIApplication) -> WSGIApplication:
        """Make an application whose requests are noted while they are worked on."""
        if not sys.platform.startswith("linux"):
            return application
        began, monotonic = self._began, self._monotonic

        def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            key = id(environ)
            began[key] = (monotonic(), environ["SERVER_PORT"])
            try:
                return application(environ, start_response)
            finally:
                del began[key]

        threading.Thread(target=self._look_after, name="slow-clients", daemon=True).start()
        return guarded

    def _look_after(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                self.look()
            except Exception:
                log.exception("slow clients not looked after")

    def look(self) -> None:
        """End what is too slow at this moment."""
        since = sorted(self._began.values())
        if not since:
            return
        began, port = since[0]
        age = self._monotonic() - began
        limit = self._pressed_seconds if len(since) >= self._many else self._seconds
        if age <= limit:
            return
        ended = 0
        for connection in _connections(int(port)):
            with connection:
                if _silent_for(connection) > limit:
                    with suppress(OSError):  # the client is gone already
                        connection.shutdown(socket.SHUT_RDWR)
                    ended += 1
        if ended:
            log.warning("slow clients ended", connections=ended, requests=len(since), seconds=round(age, 1))


def _connections(port: int) -> Iterator[socket.socket]:
    """Give this process's connections on a port, as copies that have to be closed."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if not str(entry.readlink()).startswith("socket:"):
                continue
            connection = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue  # it was closed meanwhile
        try:
            is_ours = connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getsockname()[1] == port
            is_ours = is_ours and bool(connection.getpeername())
        except OSError:
            is_ours = False
        if is_ours:
            yield connection
        else:
            connection.close()


def _silent_for(connection: socket.socket) -> float:
    """Tell for how many seconds nothing was sent on a connection."""
    try:
        information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:
        return 0.0
    milliseconds: int = struct.unpack_from("=I", information, _LAST_DATA_SENT)[0]
    return milliseconds / 1000
