"""What happens to clients when their process forks or ends. Registered once: Python takes no registration back."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import Protocol


class Living(Protocol):
    """A client, as far as this is concerned."""

    def _after_fork_in_child(self) -> None: ...

    def _at_exit(self) -> None: ...


LOCK = threading.RLock()
"""Held while a client makes its line, and across a fork, so that a child never sees a line half made."""

_living: set[Living] = set()


def watch(client: Living) -> None:
    """Tell a client when its process has forked, and when it ends."""
    _living.add(client)


def forget(client: Living) -> None:
    """Do so no more."""
    _living.discard(client)


def watch_multiprocessing() -> None:
    """Make sure of the end of this process, should it be a child of multiprocessing: a forked one skips atexit."""
    if "multiprocessing.process" not in sys.modules:
        return
    from multiprocessing import process, util  # noqa: PLC0415 - only where it is in use anyhow

    if process.parent_process() is not None:
        util.Finalize(None, _at_exit, exitpriority=0)


def _after_fork_in_child() -> None:
    LOCK.release()
    for client in list(_living):
        client._after_fork_in_child()  # noqa: SLF001 - the protocol above


def _at_exit() -> None:
    for client in list(_living):
        client._at_exit()  # noqa: SLF001 - the protocol above


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
