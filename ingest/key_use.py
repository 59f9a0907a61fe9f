"""When each API key was last used, noted in memory and written down now and then: no write a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.database import Database


class KeyUse:
    """Notes uses. Safe to use from many threads: setting one entry of a dictionary is atomic."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[str, datetime] = {}

    def note(self, key_id: str, used_at: datetime) -> None:
        """Remember that a key was used."""
        self._used[key_id] = used_at

    def write(self) -> None:
        """Write down what has been noted; keep it for the next time when PostgreSQL is away."""
        used = dict(self._used)
        if not used:
            return
        with self._database.connection() as connection:
            connection.execute(
                "UPDATE write_side.api_keys AS key SET last_used_at = given.used_at"
                " FROM unnest(%(key_ids)s::text[], %(used_at)s::timestamptz[]) AS given (key_id, used_at)"
                " WHERE key.key_id = given.key_id AND (key.last_used_at IS NULL OR key.last_used_at < given.used_at)",
                {"key_ids": list(used), "used_at": list(used.values())},
            )
        for key_id, used_at in used.items():
            if self._used.get(key_id) == used_at:
                del self._used[key_id]
