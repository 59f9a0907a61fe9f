"""Erasing contacts and events: the request becomes a record, and what follows is the projector's work.

A contact is marked in the identity table first, so that nobody can create it anew while other processes still remember
it; the mark also makes an interrupted erasure certain to be completed, by the caller's next attempt or by the sweeper.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ingest import identity
from ingest.known_contacts import STALE
from ingest.publisher import Acked
from schemas.records import ContactErased, EventErased

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from ingest.database import Database
    from ingest.known_contacts import KnownContacts
    from ingest.publisher import Outcome, Publisher

KEEP: Final = timedelta(seconds=STALE)
"""How long the mark stays: as long as any process may take an erased contact for a known one."""


class Erasing:
    """Erases. Safe to use from many threads."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        known: KnownContacts,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._known = known
        self._now = now
        self._new_id = new_id

    def erase_contact(self, workspace_id: int, contact_id: int, id_: str) -> Outcome | None:
        """Erase a contact; None if there is none. Raises DatabaseAwayError, or Unavailable (it is completed later)."""
        with self._database.connection() as connection:
            erasure_id = identity.mark_erased(connection, workspace_id, contact_id, id_)
        if erasure_id is None:
            return None
        self._known.forget(workspace_id, contact_id)
        return self._publish([(workspace_id, contact_id, erasure_id)])[0]

    def erase_event(self, workspace_id: int, contact_id: int, event_id: str, id_: str) -> Outcome:
        """Erase an event of a known contact, whether or not it has arrived yet; raise Unavailable."""
        record = EventErased(
            workspace_id=workspace_id,
            contact_id=contact_id,
            record_id=self._new_id(),
            id=id_,
            received_at=self._now(),
            event_id=event_id,
        )
        return self._publisher.publish([record])[0]

    def complete(self, limit: int) -> int:
        """Publish erasures never acknowledged and drop marks that have served; return the number of the former."""
        with self._database.connection() as connection:
            identity.delete_erased(connection, KEEP)
            unfinished = identity.claim_unfinished_erasures(connection, limit)
        return sum(isinstance(outcome, Acked) for outcome in self._publish(unfinished))

    def _publish(self, erasures: list[tuple[int, int, str]]) -> list[Outcome]:
        if not erasures:
            return []
        records = [
            ContactErased(
                workspace_id=workspace_id,
                contact_id=contact_id,
                record_id=self._new_id(),
                id=erasure_id,
                received_at=self._now(),
            )
            for workspace_id, contact_id, erasure_id in erasures
        ]
        outcomes = self._publisher.publish(records)
        acked = [
            record.contact_id for record, outcome in zip(records, outcomes, strict=True) if isinstance(outcome, Acked)
        ]
        with self._database.connection() as connection:
            identity.mark_erasures_acked(connection, acked)
        return outcomes
