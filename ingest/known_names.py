"""A background copy of the names and property types that workspaces use, for warnings.

Read from the projection by a thread of its own, for the workspaces that write here, and bounded. No request waits for
it: what is not there yet, or is too old because PostgreSQL is away, gives no warning.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
import structlog

from ingest.background import Background
from ingest.database import DatabaseAwayError
from ingest.near_names import NearNames
from ingest.property_types import PropertyTypes, usual_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database import Database

INTERVAL: Final = 2.0
FRESH: Final = 30.0
"""Seconds after which a workspace's names are read anew."""

FRESH_TYPES: Final = 300.0
STALE: Final = 900.0
"""Seconds after which they count no more."""

MOST_WORKSPACES: Final = 50
MOST_NAMES: Final = 1_000
"""Of a workspace: the most used. With all their one-letter variants they take about three megabytes."""

MOST_TYPED: Final = 200
MOST_PROPERTIES: Final = 100
"""Names of a workspace whose property types are known, and properties of each."""

log = structlog.get_logger()

NAMES: Final = """
    SELECT name, count FROM projection.known_event_names
    WHERE workspace_id = %(workspace_id)s ORDER BY count DESC, name LIMIT %(most)s
"""
TYPES: Final = """
    SELECT name, property, type, count FROM projection.known_properties
    WHERE workspace_id = %(workspace_id)s AND name = ANY (%(names)s)
"""


@dataclass(slots=True)
class Known:
    """What is known of one workspace; `advice` is what has been worked out from it, `asked` the names asked for."""

    counts: dict[str, int] = field(default_factory=dict)
    near: NearNames = field(default_factory=lambda: NearNames({}))
    types: dict[str, PropertyTypes | None] = field(default_factory=dict)
    advice: dict[str, tuple[list[dict[str, Any]], PropertyTypes | None]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    used: bool = True
    read_at: float = 0.0
    typed_at: float = 0.0

    def types_of(self, name: str) -> PropertyTypes | None:
        """Give the usual types of a name's properties; None while they are not known."""
        if name in self.counts and len(self.asked) < MOST_TYPED:
            self.asked.add(name)
        return self.types.get(name)


class KnownNames:
    """Holds the copies. Safe to use from many threads."""

    def __init__(
        self, database: Database, monotonic: Callable[[], float] = time.monotonic, interval: float = INTERVAL
    ) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: dict[int, Known] = {}
        self._wanted: set[int] = set()
        self._nothing = Known()
        self._refreshing = threading.Lock()
        self._background = Background("ingest-known-names", interval, self._try_refresh)

    def start(self) -> None:
        """Begin."""
        self._background.start()

    def stop(self) -> None:
        """End."""
        self._background.stop()

    def of(self, workspace_id: int) -> Known:
        """Give what is known of a workspace; of one that writes for the first time nothing, and it is looked up."""
        known = self._known.get(workspace_id)
        if known is not None:
            known.used = True
            return known
        if workspace_id not in self._wanted and len(self._wanted) < MOST_WORKSPACES:
            self._wanted.add(workspace_id)
            self._background.rouse()
        return self._nothing

    def _try_refresh(self) -> None:
        try:
            self.refresh()
        except Exception:
            log.exception("known names not read")

    def refresh(self, *, whatever_age: bool = False) -> None:
        """Read what is wanted, asked for, or no longer fresh; drop what is stale or nobody has used since."""
        with self._refreshing:
            wanted = {each for each in list(self._wanted) if each not in self._known}
            self._wanted.clear()
            for workspace_id in [*wanted, *self._known]:
                now = self._monotonic()
                known = self._known.get(workspace_id)
                if known is not None and now - known.read_at > STALE:
                    del self._known[workspace_id]
                elif known is None:
                    if len(self._known) < MOST_WORKSPACES:
                        self._read(workspace_id, Known(), now, anew=True)
                elif whatever_age or now - known.read_at > FRESH:
                    if known.used:
                        self._read(workspace_id, known, now, anew=whatever_age or now - known.typed_at > FRESH_TYPES)
                    else:
                        del self._known[workspace_id]
                elif known.asked - known.types.keys():
                    self._read(workspace_id, known, now, anew=False)

    def _read(self, workspace_id: int, old: Known, now: float, *, anew: bool) -> None:
        names = self._query(NAMES, {"workspace_id": workspace_id, "most": MOST_NAMES})
        if names is None:
            if workspace_id not in self._known:
                self._wanted.add(workspace_id)  # asked for again after the interval, not at every event
            return
        counts = dict(names)
        asked = set(old.asked) & counts.keys()
        types = {} if anew else {name: old.types[name] for name in asked if name in old.types}
        missing = sorted(asked - types.keys())
        typed_at = now if anew else old.typed_at
        if missing:
            rows = self._query(TYPES, {"workspace_id": workspace_id, "names": missing})
            if rows is None:  # the names are worth having without
                types, typed_at = {name: old.types.get(name) for name in asked}, now
            else:
                of_name: dict[str, list[tuple[str, str, int]]] = {name: [] for name in missing}
                for name, *seen in rows:
                    of_name[name].append(tuple(seen))
                types |= {name: usual_types(seen, MOST_PROPERTIES) for name, seen in of_name.items()}
        near = old.near if counts == old.counts else NearNames(counts)
        used = workspace_id not in self._known  # whoever wanted it has still to come back for it
        self._known[workspace_id] = Known(counts, near, types, asked=asked, used=used, read_at=now, typed_at=typed_at)

    def _query(self, statement: LiteralString, parameters: dict[str, Any]) -> list[Any] | None:
        """Ask PostgreSQL, for a second at most: a slow answer must not look like an outage to the requests."""
        try:
            with self._database.connection() as connection:
                try:
                    with connection.transaction():
                        connection.execute("SET LOCAL statement_timeout = '1s'")
                        return connection.execute(statement, parameters).fetchall()
                except (psycopg.errors.QueryCanceled, psycopg.errors.UndefinedTable) as error:
                    log.warning("known names not read", reason=type(error).__name__)
        except DatabaseAwayError:
            pass
        return None
