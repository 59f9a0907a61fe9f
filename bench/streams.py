"""Live streams: many open on one process, its resident memory, and how soon all of them show an event."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

from bench.latency import Listener
from bench.posts import create_contacts, event_body
from bench.projection import clear_projection
from bench.report import Figure
from cli.stack.ports import free_port
from schemas.positions import Position

if TYPE_CHECKING:
    from bench.stand import Stand

STREAMS = 500
THREADS = 800  # a process keeps a quarter of them for other readers
EVENTS = 40
GRACE = 30.0


class Watchers:
    """Reads all streams in one poll loop, and notes when each showed an event."""

    def __init__(self, port: int, path: str, api_key: str) -> None:
        self._poll = select.poll()
        self._sockets: dict[int, socket.socket] = {}
        self._rests: dict[int, bytes] = {}
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api_key}\r\n\r\n".encode()
        for _ in range(STREAMS):
            connection = socket.create_connection(("127.0.0.1", port), timeout=GRACE)
            connection.sendall(request)
            self._sockets[connection.fileno()] = connection
            self._rests[connection.fileno()] = b""
            self._poll.register(connection.fileno(), select.POLLIN)

    def wait_for(self, text: bytes) -> list[float]:
        """Read until every stream has brought the text; the moment of each."""
        moments: dict[int, float] = {}
        deadline = time.monotonic() + GRACE
        while len(moments) < len(self._sockets):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} came on {len(moments)} of {len(self._sockets)} streams")
            for descriptor, _ in self._poll.poll(100):
                received = self._sockets[descriptor].recv(1 << 16)
                if not received:
                    raise ConnectionError("a stream was closed")
                whole = self._rests[descriptor] + received
                if text in whole and descriptor not in moments:
                    moments[descriptor] = time.perf_counter()
                self._rests[descriptor] = whole[-4_096:]  # enough for a text that came in two pieces
        return list(moments.values())

    def close(self) -> None:
        """Hang up."""
        for connection in self._sockets.values():
            connection.close()


def resident_megabytes(parent: int) -> float:
    """Give the resident memory of a server's worker process."""
    listed = subprocess.run(["ps", "-axo", "ppid=,rss="], capture_output=True, text=True, check=True)
    sizes = [int(size) for ppid, size in (line.split() for line in listed.stdout.splitlines()) if int(ppid) == parent]
    return max(sizes) / 1_000


def live_streams(bench: Stand, seconds: float) -> list[Figure]:  # noqa: ARG001 - bounded by its events
    """Open the streams on one contact, write events one by one, and see each come on all streams."""
    bench.new_topic("bench-streams")
    clear_projection(bench)
    port = free_port()
    serve = ("-m", "cli", "serve", "query", "--port", str(port))
    with (
        bench.server("ingest", 1, 8) as ingest_port,
        bench.projector(),
        bench.process(*serve, port=port, WORKERS="1", THREADS=str(THREADS)) as process,
    ):
        contact = create_contacts(bench, ingest_port, 1)[0]
        watchers = Watchers(port, f"/api/v1/contacts/{contact}/event-stream", bench.api_key)
        listener = Listener(bench)
        listener.start()
        try:
            watchers.wait_for(b"event: position")  # joined, and told how far the timeline is
            waits, to_all = _show_events(bench, ingest_port, contact, watchers, listener)
            memory = resident_megabytes(process.pid)
        finally:
            listener.stop()
            watchers.close()
    waits.sort()
    to_all.sort()
    return [
        Figure(
            f"commit to visible, {STREAMS} streams, p99",
            "ms",
            waits[int(len(waits) * 0.99)] * 1_000,
            notes={
                "p50 ms": waits[len(waits) // 2] * 1_000,
                "on all, p50 ms": to_all[len(to_all) // 2] * 1_000,
                "on all, slowest ms": to_all[-1] * 1_000,
                "goal": "under 200 ms",
            },
        ),
        Figure(f"memory of a process, {STREAMS} streams", "MB", memory, notes={"goal": "under 200 MB"}),
    ]


def _show_events(
    bench: Stand, ingest_port: int, contact: int, watchers: Watchers, listener: Listener
) -> tuple[list[float], list[float]]:
    """Give the wait of each stream for each event, and for each event the longest of them."""
    waits: list[float] = []
    to_all: list[float] = []
    for number in range(EVENTS):
        position = _write_event(bench, ingest_port, contact, event_body(number, "streams"))
        moments = watchers.wait_for(b'"id":"streams-%09d"' % number)
        committed = listener.committed(position)
        waits += [moment - committed for moment in moments]
        to_all.append(max(moments) - committed)
    return waits, to_all


def _write_event(bench: Stand, port: int, contact: int, body: bytes) -> Position:
    headers = {"Authorization": f"Bearer {bench.api_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/contacts/{contact}/events", body, headers)
    with urllib.request.urlopen(request, timeout=GRACE) as answer:
        return Position.decode(json.load(answer)["position"])
