"""The identity table: which integer belongs to which external id of which workspace. One function, one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from psycopg import Connection

CLAIM: Final = timedelta(seconds=5)
"""How long whoever publishes a contact.created keeps others from doing so too; above the wait for its ack."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One row. `creation` is the text of what contact.created says, until that is acknowledged."""

    contact_id: int
    workspace_id: int
    external_id: str
    created_at: datetime
    update_id: str
    creation: str | None
    position: str | None
    erased: bool


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """What is needed to give a contact its id."""

    external_id: str
    update_id: str
    creation: str


def known_contacts(connection: Connection[Any], workspace_id: int, contact_ids: Collection[int]) -> set[int]:
    """Tell which of the contacts exist and can be written to."""
    rows = connection.execute(
        "SELECT contact_id FROM write_side.contact_identities WHERE workspace_id = %(workspace_id)s"
        " AND contact_id = ANY(%(contact_ids)s) AND published_at IS NOT NULL AND erased_at IS NULL",
        {"workspace_id": workspace_id, "contact_ids": list(contact_ids)},
    )
    return {contact_id for (contact_id,) in rows}


def known_external_ids(connection: Connection[Any], workspace_id: int, external_ids: Collection[str]) -> dict[str, int]:
    """Find the contacts that can be written to by their external ids."""
    rows = connection.execute(
        "SELECT external_id, contact_id FROM write_side.contact_identities WHERE workspace_id = %(workspace_id)s"
        " AND external_id = ANY(%(external_ids)s) AND published_at IS NOT NULL AND erased_at IS NULL",
        {"workspace_id": workspace_id, "external_ids": list(external_ids)},
    )
    return dict(rows.fetchall())


def insert_missing(
    connection: Connection[Any], workspace_id: int, created_at: datetime, new: Sequence[NewIdentity]
) -> set[int]:
    """Give ids to external ids that have none, claimed for us; return those ids.

    Asks before it inserts, since a refused insert would use up a number; inserts in order, so that two batches cannot
    wait for each other.
    """
    rows = connection.execute(
        "INSERT INTO write_side.contact_identities"
        " (workspace_id, external_id, created_at, update_id, creation, claimed_until)"
        " SELECT %(workspace_id)s, given.external_id, %(created_at)s, given.update_id, given.creation::json,"
        "        now() + %(claim)s"
        " FROM unnest(%(external_ids)s::text[], %(update_ids)s::text[], %(creations)s::text[])"
        "      AS given (external_id, update_id, creation)"
        " WHERE NOT EXISTS (SELECT FROM write_side.contact_identities AS there"
        "                   WHERE there.workspace_id = %(workspace_id)s AND there.external_id = given.external_id)"
        " ORDER BY given.external_id"
        " ON CONFLICT (workspace_id, external_id) DO NOTHING RETURNING contact_id",
        {
            "workspace_id": workspace_id,
            "created_at": created_at,
            "claim": CLAIM,
            "external_ids": [identity.external_id for identity in new],
            "update_ids": [identity.update_id for identity in new],
            "creations": [identity.creation for identity in new],
        },
    )
    return {contact_id for (contact_id,) in rows}


def find_identities(
    connection: Connection[Any], workspace_id: int, external_ids: Collection[str]
) -> dict[str, Identity]:
    """Find rows by external id, whatever their state."""
    with connection.cursor(row_factory=class_row(Identity)) as cursor:
        cursor.execute(
            "SELECT contact_id, workspace_id, external_id, created_at, update_id, creation::text,"
            " position, erased_at IS NOT NULL AS erased FROM write_side.contact_identities"
            " WHERE workspace_id = %(workspace_id)s AND external_id = ANY(%(external_ids)s)",
            {"workspace_id": workspace_id, "external_ids": list(external_ids)},
        )
        return {identity.external_id: identity for identity in cursor}


def claim(connection: Connection[Any], contact_ids: Collection[int]) -> set[int]:
    """Claim the publication of contacts whose creation nobody is publishing at the moment; return those claimed."""
    rows = connection.execute(
        "UPDATE write_side.contact_identities SET claimed_until = now() + %(claim)s"
        " WHERE contact_id = ANY(%(contact_ids)s) AND published_at IS NULL AND erased_at IS NULL"
        " AND claimed_until < now() RETURNING contact_id",
        {"claim": CLAIM, "contact_ids": list(contact_ids)},
    )
    return {contact_id for (contact_id,) in rows}


def claim_abandoned(connection: Connection[Any], limit: int) -> list[Identity]:
    """Claim contacts whose creation was begun and never acknowledged, oldest first."""
    with connection.cursor(row_factory=class_row(Identity)) as cursor:
        cursor.execute(
            "UPDATE write_side.contact_identities AS identity SET claimed_until = now() + %(claim)s"
            " FROM (SELECT contact_id FROM write_side.contact_identities"
            "       WHERE published_at IS NULL AND erased_at IS NULL AND claimed_until < now()"
            "       ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) AS abandoned"
            " WHERE identity.contact_id = abandoned.contact_id"
            " RETURNING identity.contact_id, workspace_id, external_id, created_at, update_id, creation::text,"
            " position, erased_at IS NOT NULL AS erased",
            {"claim": CLAIM, "limit": limit},
        )
        return cursor.fetchall()


def release(connection: Connection[Any], contact_ids: Collection[int]) -> None:
    """Let others publish the creation of contacts at once."""
    connection.execute(
        "UPDATE write_side.contact_identities SET claimed_until = now() WHERE contact_id = ANY(%(contact_ids)s)",
        {"contact_ids": list(contact_ids)},
    )


def mark_published(connection: Connection[Any], positions: dict[int, str]) -> None:
    """Make contacts usable: their contact.created is acknowledged, at these positions. What it said is dropped."""
    connection.execute(
        "UPDATE write_side.contact_identities AS identity"
        " SET published_at = now(), position = given.position, creation = NULL"
        " FROM unnest(%(contact_ids)s::bigint[], %(positions)s::text[]) AS given (contact_id, position)"
        " WHERE identity.contact_id = given.contact_id AND published_at IS NULL",
        {"contact_ids": list(positions), "positions": list(positions.values())},
    )


def mark_erased(connection: Connection[Any], workspace_id: int, contact_id: int, erasure_id: str) -> str | None:
    """Mark a contact as being erased, claimed for us; return the erasure's id (the first one's), None if unknown."""
    row = connection.execute(
        "UPDATE write_side.contact_identities SET erased_at = coalesce(erased_at, now()), creation = NULL,"
        " erasure_id = coalesce(erasure_id, %(erasure_id)s), claimed_until = now() + %(claim)s"
        " WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s RETURNING erasure_id",
        {"workspace_id": workspace_id, "contact_id": contact_id, "erasure_id": erasure_id, "claim": CLAIM},
    ).fetchone()
    return None if row is None else str(row[0])


def claim_unfinished_erasures(connection: Connection[Any], limit: int) -> list[tuple[int, int, str]]:
    """Claim erasures that were never acknowledged; return workspace, contact and erasure id of each."""
    return connection.execute(
        "UPDATE write_side.contact_identities AS identity SET claimed_until = now() + %(claim)s"
        " FROM (SELECT contact_id FROM write_side.contact_identities"
        "       WHERE erased_at IS NOT NULL AND erasure_acked_at IS NULL AND claimed_until < now()"
        "       ORDER BY erased_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) AS unfinished"
        " WHERE identity.contact_id = unfinished.contact_id RETURNING workspace_id, identity.contact_id, erasure_id",
        {"claim": CLAIM, "limit": limit},
    ).fetchall()


def mark_erasures_acked(connection: Connection[Any], contact_ids: Collection[int]) -> None:
    """Note that contact.erased is acknowledged."""
    connection.execute(
        "UPDATE write_side.contact_identities SET erasure_acked_at = coalesce(erasure_acked_at, now())"
        " WHERE contact_id = ANY(%(contact_ids)s)",
        {"contact_ids": list(contact_ids)},
    )


def delete_erased(connection: Connection[Any], after: timedelta) -> int:
    """Delete the rows of contacts whose erasure was acknowledged so long ago; return how many."""
    return connection.execute(
        "DELETE FROM write_side.contact_identities"
        " WHERE erased_at IS NOT NULL AND erasure_acked_at < now() - %(after)s",
        {"after": after},
    ).rowcount
