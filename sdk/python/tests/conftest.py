"""These tests open no socket: the server is a fake that is handed to the client."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sdk.python.tests.fake_server import FakeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contact_events import Client

_state: dict[str, list[str] | None] = {"attempts": None}
_others: set[int] = set()
"""Threads that were there before: of services that other tests share, which connect again when they like."""


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if (
        event in {"socket.connect", "socket.bind"}
        and _state["attempts"] is not None
        and threading.get_ident() not in _others
    ):
        _state["attempts"].append(f"{event}{arguments[1:]}")
        raise PermissionError(f"a unit test must not open sockets: {event}")


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Fail the test afterwards if it tried."""
    attempts: list[str] = []
    _others.clear()
    _others.update(
        each.ident for each in threading.enumerate() if each.ident and each is not threading.current_thread()
    )
    _state["attempts"] = attempts
    yield
    _state["attempts"] = None
    assert not attempts, f"touched the network: {attempts}"


@pytest.fixture
def server() -> FakeServer:
    """A server that accepts everything until it is told otherwise."""
    return FakeServer()


@pytest.fixture
def make_client(server: FakeServer) -> Iterator[Callable[..., Client]]:
    """Make clients of the fake server; they are closed at the end of the test."""
    from contact_events import Client  # noqa: PLC0415 - after the guard

    clients: list[Client] = []

    def make(**settings: object) -> Client:
        settings = {"linger": 0.01, "exit_timeout": 0.2, "transport": lambda: server, **settings}
        client = Client("https://events.example.com", "ce_key", **settings)  # type: ignore[arg-type] # a test's own choice
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
