"""Does what no request waits for: completes what was interrupted, notes when keys were used, tidies the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from ingest import metrics
from ingest.background import Background
from ingest.database import DatabaseAwayError
from ingest.publisher import Unavailable

if TYPE_CHECKING:
    from ingest.contacts import Contacts
    from ingest.delivery_writer import DeliveryWriter
    from ingest.erasing import Erasing
    from ingest.key_use import KeyUse

INTERVAL: Final = 10.0
AT_ONCE: Final = 500

log = structlog.get_logger()


class Sweeper:
    """Sweeps until it is stopped. Several processes may sweep: each row is claimed by one."""

    def __init__(
        self,
        contacts: Contacts,
        erasing: Erasing,
        key_use: KeyUse,
        deliveries: DeliveryWriter,
        interval: float = INTERVAL,
    ) -> None:
        self._contacts = contacts
        self._erasing = erasing
        self._key_use = key_use
        self._deliveries = deliveries
        self._background = Background("ingest-sweeper", interval, self.sweep)

    def start(self) -> None:
        """Begin; the first sweep comes after one interval."""
        self._background.start()

    def stop(self) -> None:
        """End, after the sweep that is going on."""
        self._background.stop()

    def sweep(self) -> None:
        """Sweep once."""
        try:
            self._key_use.write()
            completed = self._contacts.complete_abandoned(AT_ONCE)
            erased = self._erasing.complete(AT_ONCE)
            self._deliveries.tidy()
        except (DatabaseAwayError, Unavailable):
            return  # the world is away; there is a next time
        except Exception:
            log.exception("sweep failed")
            return
        if completed or erased:
            metrics.REPUBLISHED_CONTACTS.inc(completed)
            log.info("interrupted requests completed", creations=completed, erasures=erased)
