"""An HTTP load of one process: prepared bytes over many keep-alive connections, one poll loop, little Python.

The same generator drives a measurement and its baseline. It costs about 15 us of processor time a request, so that on a
small machine the server, not the generator, is what fills the processors.
"""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Load:
    """What came back. `latencies` are seconds, one a request, in order of completion."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Latency in milliseconds that `share` of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1_000 if ordered else 0.0


@dataclass
class _Connection:
    socket: socket.socket
    started: float = 0.0
    buffer: bytes = b""


def post(path: str, body: bytes, api_key: str = "") -> bytes:
    """Write a POST request; the host is always this machine."""
    authorization = f"Authorization: Bearer {api_key}\r\n" if api_key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, api_key: str) -> bytes:
    """Write a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api_key}\r\n\r\n".encode()


def run_load(  # noqa: PLR0913 - what a load is, each with a name
    port: int,
    request: Callable[[int], bytes],
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
    on_answer: Callable[[float, bytes], None] | None = None,
) -> Load:
    """Send `request(0)`, `request(1)`, ... for a time; all connections at once, or `rate` requests a second.

    `on_answer` gets the moment and the raw answer. With a rate a latency counts from the moment the request was due, so
    that a stall is not forgiven to those who queue behind it.
    """
    load, number = Load(), 0
    poll = select.epoll() if hasattr(select, "epoll") else select.poll()
    idle = [_Connection(_connect(port)) for _ in range(connections)]
    busy: dict[int, _Connection] = {}
    for connection in idle:
        poll.register(connection.socket.fileno(), select.POLLIN)
    began = time.perf_counter()
    end = began + seconds
    while (now := time.perf_counter()) < end or busy:
        while idle and now < end and (rate is None or began + number / rate <= now):
            connection = idle.pop()
            connection.started = now if rate is None else began + number / rate
            connection.socket.sendall(request(number))
            busy[connection.socket.fileno()] = connection
            number += 1
        for descriptor, _ in _wait(poll, rate):
            connection = busy[descriptor]
            if _read(connection, load, on_answer):
                del busy[descriptor]
                idle.append(connection)
        if now > end + 30:
            raise TimeoutError(f"{len(busy)} requests got no answer within 30 seconds")
    load.seconds = time.perf_counter() - began
    for connection in idle:
        connection.socket.close()
    return load


def _wait(poll: Any, rate: float | None) -> list[tuple[int, int]]:  # noqa: ANN401 - epoll where there is one, else poll
    seconds = 0.1 if rate is None else 0.0005
    ready: list[tuple[int, int]] = poll.poll(seconds if type(poll).__name__ == "epoll" else seconds * 1_000)
    return ready


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _read(connection: _Connection, load: Load, on_answer: Callable[[float, bytes], None] | None) -> bool:
    """Take what has come; True once the answer is whole."""
    received = connection.socket.recv(1 << 20)
    if not received:
        raise ConnectionError("the server closed a keep-alive connection")
    connection.buffer += received
    head_end = connection.buffer.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    head = connection.buffer[:head_end].lower()
    at = head.find(b"content-length:")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    if len(connection.buffer) < head_end + 4 + length:
        return False
    now = time.perf_counter()
    load.latencies.append(now - connection.started)
    status = int(head[9:12])
    load.statuses[status] = load.statuses.get(status, 0) + 1
    if on_answer is not None:
        on_answer(now, connection.buffer[head_end + 4 :])
    connection.buffer = b""
    return True
