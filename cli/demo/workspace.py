"""Which workspace the API key belongs to, and where its sidebar may be framed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.api_keys import ApiKey, find_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg


class WorkspaceError(Exception):
    """The API key belongs to no workspace of this database."""


def workspace_of(connection: psycopg.Connection[tuple[object, ...]], api_key: str) -> int:
    """Tell the workspace of a key; raise WorkspaceError for a key that this database does not know."""
    key = ApiKey.parse(api_key)
    stored = find_key(connection, key.key_id) if key else None
    if stored is None:
        raise WorkspaceError("API_KEY is no key of the database at DATABASE_URL. Do both belong to the same system?")
    return stored.workspace_id


def allow_frames(connection: psycopg.Connection[tuple[object, ...]], workspace_id: int, origins: Sequence[str]) -> None:
    """Let pages of these origins frame the sidebar, besides those that already may."""
    connection.execute(
        """
        UPDATE write_side.workspaces SET frame_ancestors = ARRAY(
            SELECT DISTINCT origin FROM unnest(frame_ancestors || %(origins)s::text[]) AS origin ORDER BY origin
        ) WHERE id = %(workspace_id)s
        """,
        {"workspace_id": workspace_id, "origins": list(origins)},
    )
