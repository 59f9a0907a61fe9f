"""Completes what was interrupted: contacts whose creation was begun and never acknowledged."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from ingest import metrics
from ingest.database import DatabaseAwayError
from ingest.publisher import Unavailable

if TYPE_CHECKING:
    from ingest.contacts import Contacts

INTERVAL: Final = 10.0
AT_ONCE: Final = 500

log = structlog.get_logger()


class Sweeper:
    """A thread that sweeps until it is stopped. Several processes may sweep: each contact is claimed by one."""

    def __init__(self, contacts: Contacts, interval: float = INTERVAL) -> None:
        self._contacts = contacts
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="identity-sweeper", daemon=True)

    def start(self) -> None:
        """Begin; the first sweep comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the sweep that is going on."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                completed = self._contacts.complete_abandoned(AT_ONCE)
            except (DatabaseAwayError, Unavailable):
                continue  # the world is away; there is a next time
            except Exception:
                log.exception("sweep failed")
                continue
            if completed:
                metrics.REPUBLISHED_CONTACTS.inc(completed)
                log.info("interrupted contact creations completed", contacts=completed)
