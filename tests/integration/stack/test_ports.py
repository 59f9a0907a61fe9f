"""A part gets a port of its own."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

from cli.stack import ports
from cli.stack.ports import choose_port, free_port, is_free

if TYPE_CHECKING:
    import pytest


def test_no_port_is_given_twice_though_nobody_listens_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "UNCLAIMED", range(21_000, 21_012))
    monkeypatch.setattr(ports, "_given", set())
    monkeypatch.setattr(ports, "is_free", lambda _: True)

    assert len({free_port() for _ in range(12)}) == 12


def listener(address: str, port: int = 0) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen()
    return server


def test_the_preferred_port_is_taken_when_free() -> None:
    port = free_port()

    assert choose_port(port) == port


def test_a_listener_on_this_or_on_all_addresses_makes_a_port_taken() -> None:
    for address in ("127.0.0.1", "0.0.0.0"):
        with closing(listener(address, free_port())) as server:
            port = server.getsockname()[1]
            assert not is_free(port)
            assert choose_port(port) != port


def test_a_port_promised_to_another_part_is_taken() -> None:
    port = free_port()

    assert choose_port(port, {port}) != port
