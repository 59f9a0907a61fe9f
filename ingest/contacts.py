"""Creating, finding and changing contacts.

A contact's id is given by the identity table and becomes usable once its contact.created is acknowledged. What that
record says lies in the table until then, so that whoever finds an interrupted creation completes exactly that one.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingest import identity
from ingest.publisher import Acked, Unavailable
from schemas.positions import Position
from schemas.records import ContactCreated, ContactUpdated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from ingest.database import Database
    from ingest.identity import Identity
    from ingest.known_contacts import KnownContacts
    from ingest.publisher import Outcome, Publisher
    from schemas.records import Profile

_PAUSES: Final = (0.01, 0.02, 0.04, 0.08, 0.15, 0.2, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25)
"""Seconds between looks at a contact that another request is creating; two seconds in all."""


class ContactDraft(msgspec.Struct, frozen=True):
    """What a caller says about a contact. `profile` holds the fields given; `custom_data` is a merge patch, or None."""

    id: str
    external_id: str
    profile: Profile
    custom_data: str | None


class Written(msgspec.Struct, frozen=True):
    """A contact that was created or found, with what became of the change."""

    contact_id: int
    created: bool
    outcome: Outcome


class Erased(msgspec.Struct, frozen=True):
    """The external id belongs to a contact that is being erased."""


class Busy(msgspec.Struct, frozen=True):
    """Another request is creating the contact, and has not finished in time. Sending it again is safe."""


UpsertOutcome = Written | Erased | Busy


class _Creation(msgspec.Struct):
    """What contact.created will say."""

    email: str | None
    name: str | None
    custom_data: msgspec.Raw


_creation = msgspec.json.Decoder(_Creation)


class Contacts:
    """Writes contacts. Safe to use from many threads."""

    def __init__(  # noqa: PLR0913 - one argument a collaborator
        self,
        database: Database,
        publisher: Publisher,
        known: KnownContacts,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._known = known
        self._now = now
        self._new_id = new_id
        self._sleep = sleep

    def upsert(self, workspace_id: int, drafts: Sequence[ContactDraft]) -> list[UpsertOutcome]:
        """Create or find contacts and merge what is given. The outcomes stand in the order of the drafts.

        Raises DatabaseAwayError or Unavailable when that came to nothing, or to no more than an id that the next
        attempt will find again.
        """
        rows, ours = self._identify(workspace_id, drafts)
        created = self._publish_creations([row for row in rows.values() if row.contact_id in ours])
        rows = {key: _completed(row, created.get(row.contact_id)) for key, row in rows.items()}
        rows |= self._wait_for_others(
            workspace_id, {row.external_id for row in rows.values() if _unfinished(row) and row.contact_id not in ours}
        )
        usable = {key: row for key, row in rows.items() if not row.erased and not _unfinished(row)}
        self._known.learn(workspace_id, {key: row.contact_id for key, row in usable.items()})
        settled: list[UpsertOutcome | None] = [
            self._settle(rows[draft.external_id], draft, created) for draft in drafts
        ]
        changes = [
            (place, self._change(rows[draft.external_id], draft))
            for place, draft in enumerate(drafts)
            if settled[place] is None
        ]
        outcomes = self._publisher.publish([record for _, record in changes]) if changes else []
        for (place, record), outcome in zip(changes, outcomes, strict=True):
            settled[place] = Written(record.contact_id, isinstance(record, ContactCreated), outcome)
        return [outcome for outcome in settled if outcome is not None]

    def look(self, workspace_id: int, drafts: Sequence[ContactDraft]) -> list[int | None]:
        """Tell which contacts are there already, without changing anything; raise DatabaseAwayError."""
        with self._database.connection() as connection:
            rows = identity.find_identities(connection, workspace_id, {draft.external_id for draft in drafts})
        return [row.contact_id if (row := rows.get(draft.external_id)) else None for draft in drafts]

    def change(self, workspace_id: int, contact_id: int, id_: str, profile: Profile, patch: str | None) -> Outcome:
        """Change a contact that is known to exist; raise Unavailable if nothing was handed over."""
        record = ContactUpdated(
            workspace_id=workspace_id,
            contact_id=contact_id,
            record_id=self._new_id(),
            id=id_,
            received_at=self._now(),
            profile=profile,
            custom_data=patch,
        )
        return self._publisher.publish([record])[0]

    def complete_abandoned(self, limit: int) -> int:
        """Publish creations that were begun and never acknowledged; return how many are now complete."""
        with self._database.connection() as connection:
            rows = identity.claim_abandoned(connection, limit)
        return sum(isinstance(outcome, Acked) for outcome in self._publish_creations(rows).values())

    def _identify(self, workspace_id: int, drafts: Sequence[ContactDraft]) -> tuple[dict[str, Identity], set[int]]:
        first: dict[str, ContactDraft] = {}
        for draft in drafts:
            first.setdefault(draft.external_id, draft)
        new = [identity.NewIdentity(draft.external_id, draft.id, _creation_text(draft)) for draft in first.values()]
        with self._database.connection() as connection:
            ours = identity.insert_missing(connection, workspace_id, self._now(), new)
            return identity.find_identities(connection, workspace_id, first.keys()), ours

    def _publish_creations(self, rows: Sequence[Identity]) -> dict[int, Outcome]:
        """Publish contact.created of contacts that we hold the claim of, and mark those that are acknowledged."""
        if not rows:
            return {}
        contact_ids = [row.contact_id for row in rows]
        try:
            outcomes = self._publisher.publish([self._created(row) for row in rows])
        except Unavailable:
            with self._database.connection() as connection:
                identity.release(connection, contact_ids)
            raise
        results = dict(zip(contact_ids, outcomes, strict=True))
        acked = {each: outcome.position.encode() for each, outcome in results.items() if isinstance(outcome, Acked)}
        with self._database.connection() as connection:
            identity.mark_published(connection, acked)
            if failed := results.keys() - acked.keys():
                identity.release(connection, failed)
        return results

    def _wait_for_others(self, workspace_id: int, external_ids: set[str]) -> dict[str, Identity]:
        """Wait while other requests create these contacts; take over from one that has given up."""
        rows: dict[str, Identity] = {}
        for pause in _PAUSES if external_ids else ():
            self._sleep(pause)
            with self._database.connection() as connection:
                rows = identity.find_identities(connection, workspace_id, external_ids)
                waiting = {row.contact_id: row for row in rows.values() if _unfinished(row)}
                if not waiting:
                    break
                claimed = identity.claim(connection, waiting)
            created = self._publish_creations([waiting[contact_id] for contact_id in claimed])
            rows = {key: _completed(row, created.get(row.contact_id)) for key, row in rows.items()}
        return rows

    def _settle(self, row: Identity, draft: ContactDraft, created: dict[int, Outcome]) -> UpsertOutcome | None:
        """Say what became of a draft for which nothing more is to be published; None when a change is to follow."""
        if row.erased:
            return Erased()
        if draft.id == row.update_id and row.contact_id in created:
            return Written(row.contact_id, True, created.pop(row.contact_id))
        if _unfinished(row):
            return Busy()
        if row.position and draft.id != row.update_id and not draft.profile and draft.custom_data is None:
            return Written(row.contact_id, False, Acked(Position.decode(row.position)))
        return None

    def _change(self, row: Identity, draft: ContactDraft) -> ContactCreated | ContactUpdated:
        """Make the record of a draft about a contact that exists. The creation sent again is the creation again."""
        common: dict[str, Any] = {
            "workspace_id": row.workspace_id,
            "contact_id": row.contact_id,
            "record_id": self._new_id(),
        }
        common |= {"id": draft.id, "received_at": self._now()}
        if draft.id == row.update_id:
            email, name = draft.profile.get("email"), draft.profile.get("name")
            custom_data = draft.custom_data or "{}"
            return ContactCreated(
                **common, external_id=row.external_id, email=email, name=name, custom_data=custom_data
            )
        return ContactUpdated(**common, profile=draft.profile, custom_data=draft.custom_data)

    def _created(self, row: Identity) -> ContactCreated:
        creation = _creation.decode((row.creation or "").encode())
        return ContactCreated(
            workspace_id=row.workspace_id,
            contact_id=row.contact_id,
            record_id=self._new_id(),
            id=row.update_id,
            received_at=row.created_at,
            external_id=row.external_id,
            email=creation.email,
            name=creation.name,
            custom_data=bytes(creation.custom_data).decode(),
        )


def _creation_text(draft: ContactDraft) -> str:
    custom_data = msgspec.Raw((draft.custom_data or "{}").encode())
    creation = _Creation(draft.profile.get("email"), draft.profile.get("name"), custom_data)
    return msgspec.json.encode(creation).decode()


def _unfinished(row: Identity) -> bool:
    return row.creation is not None and not row.erased


def _completed(row: Identity, outcome: Outcome | None) -> Identity:
    return replace(row, creation=None, position=outcome.position.encode()) if isinstance(outcome, Acked) else row
