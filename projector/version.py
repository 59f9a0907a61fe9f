"""Which fold made a set of tables. Raised with every change of what the same records make of the tables.

Two sets of one version must be equal. Sets of different versions may differ, and a person looks at how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from psycopg import sql

from projector.errors import NewerVersionError

if TYPE_CHECKING:
    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

VERSION: Final = 2
"""Of this program's fold."""

ITEMISES_PROPERTIES: Final = 2
"""From this version on the properties of events are counted. An older set goes on as it began, without: what came
before is missing in it, so an erasure would take away what was never counted. Only a rebuild makes a newer set."""

_OUTDATED: Final = (
    "the tables were made by projection version {version}, this program's is {current}: they are kept up to date as "
    "they are, and what the newer version adds is missing until `contact-events projector rebuild --accept-differences`"
)

_STORED: Final = "SELECT version FROM projection_version"

_STORED_IN: Final = sql.SQL("SELECT version FROM {}")

# A program from before versions were kept may have been the first to work on an empty set.
_BEGIN: Final = """
    INSERT INTO projection_version (version)
    SELECT CASE WHEN EXISTS (SELECT FROM positions WHERE next_offset > 0) THEN 1 ELSE %(version)s END
    ON CONFLICT (only_row) DO NOTHING
"""


def stored_version(connection: Connected) -> int | None:
    """Read which version made this set; None while nothing has been folded into it."""
    row = connection.execute(_STORED).fetchone()
    return None if row is None else int(row[0])


def stored_version_of(connection: Connected, schema: str) -> int | None:
    """Read it of a set that is not on the search path."""
    row = connection.execute(_STORED_IN.format(sql.Identifier(schema, "projection_version"))).fetchone()
    return None if row is None else int(row[0])


def ensure_version(connection: Connected) -> int:
    """Note this program's version in a new set, and return the set's; raise NewerVersionError if that is newer."""
    connection.execute(_BEGIN, {"version": VERSION})
    version = stored_version(connection)
    assert version is not None
    if version > VERSION:
        raise NewerVersionError(
            f"The tables were made by projection version {version}, this program knows versions up to {VERSION}. Run "
            "the newer program again, or make the tables anew with this one in an empty database."
        )
    return version


def outdated(version: int) -> str:
    """Say what is to be done about a set of an older version."""
    return _OUTDATED.format(version=version, current=VERSION)
