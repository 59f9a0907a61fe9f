"""Which local port a part listens on."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Collection

HOST = "127.0.0.1"
NEIGHBOURS = 20
"""How many ports after the preferred one are tried before any free one will do."""

UNCLAIMED = range(20_000, 32_768)
"""Below the range from which systems hand out ports for outgoing connections, so that a chosen one stays free."""

_given: set[int] = set()
"""What this process has chosen so far: two parts of one stack are given their ports before either listens."""


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of the loopback address now."""
    with socket.socket() as client:
        client.settimeout(0.5)
        if client.connect_ex((HOST, port)) == 0:  # macOS lets a bind succeed beside a listener on all addresses
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """Choose any free port, for a stack that nobody needs to remember the addresses of."""
    for _ in range(200):
        port = random.choice(UNCLAIMED)  # noqa: S311 - not a secret
        if port not in taken and port not in _given and is_free(port):
            _given.add(port)
            return port
    raise StackError(f"No free port between {UNCLAIMED.start} and {UNCLAIMED.stop - 1} on {HOST}.")


def choose_port(preferred: int, taken: Collection[int] = ()) -> int:
    """Choose the preferred port, else one of its neighbours, else any free one.

    `taken` are ports already promised to other parts that may not listen yet.
    """
    for port in range(preferred, preferred + NEIGHBOURS):
        if port not in taken and is_free(port):
            return port
    return free_port(taken)
