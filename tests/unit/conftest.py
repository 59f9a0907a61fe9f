"""A unit test that opens a socket fails, even when the code under test swallows the error."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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


sys.addaudithook(_watch)  # an audit hook cannot be removed, so it is installed once and only listens during unit tests


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
