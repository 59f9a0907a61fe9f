"""Apply numbered SQL files to one database schema: each once, in order, under an advisory lock, all or nothing.

The ledger (`applied_migrations`) lies in the schema itself and keeps each file's SHA-256: a file that changed after it
was applied is refused, since the database then no longer is what the files say.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection

DIRECTORY: Final = Path(__file__).parent
WRITE_SIDE: Final = "write_side"
PROJECTION: Final = "projection"
"""The schema that readers see. A set of tables being rebuilt is a schema of another name, made by the same files."""

_NAME = re.compile(r"[0-9]{4}_[a-z0-9_]+\.sql")
_LOCK: Final = 0x636F6E74  # any number, as long as every runner of this database takes the same


class MigrationError(Exception):
    """The files and the ledger do not agree; the message says where."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(directory: Path) -> list[Migration]:
    """Read a directory's files in order; raise MigrationError unless they are numbered 0001, 0002, ... with no gap."""
    migrations = [Migration(path.name, path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.sql"))]
    for number, migration in enumerate(migrations, start=1):
        if not _NAME.fullmatch(migration.name) or int(migration.name[:4]) != number:
            raise MigrationError(f"{directory.name}/{migration.name} should be {number:04}_some_name.sql")
    return migrations


def migrate(connection: Connection[tuple[object, ...]], migrations: list[Migration], schema: str) -> list[str]:
    """Bring a schema up to date in one transaction; return the names of the files applied now.

    `search_path` is set to the schema for that transaction, so the files need not name it.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS applied_migrations ("
            "name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT name, checksum FROM applied_migrations").fetchall()
        applied = {str(row[0]): str(row[1]) for row in rows}
        _check(migrations, applied, schema)
        fresh = [migration for migration in migrations if migration.name not in applied]
        for migration in fresh:
            connection.execute(migration.text.encode())
            connection.execute(
                "INSERT INTO applied_migrations (name, checksum) VALUES (%s, %s)",
                [migration.name, migration.checksum],
            )
    return [migration.name for migration in fresh]


def _check(migrations: list[Migration], applied: dict[str, str], schema: str) -> None:
    files = {migration.name: migration.checksum for migration in migrations}
    for name, checksum in applied.items():
        if name not in files:
            raise MigrationError(f"schema {schema} has {name} applied, which this version does not know: is it older?")
        if files[name] != checksum:
            raise MigrationError(
                f"{name} was changed after it was applied to schema {schema}: undo that, add a new file"
            )


def migrate_all(connection: Connection[tuple[object, ...]]) -> list[str]:
    """Bring the write side and the live projection up to date."""
    return [
        f"{schema}/{name}"
        for schema in (WRITE_SIDE, PROJECTION)
        for name in migrate(connection, read_migrations(DIRECTORY / schema), schema)
    ]
