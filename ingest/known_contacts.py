"""Which contacts exist, remembered, so that events of known contacts do not need PostgreSQL.

What is known is fresh for `FRESH` seconds and counts for `STALE` seconds while PostgreSQL is away; that is also how
long the events of an erased contact may still be taken here (the projector refuses them). That a contact is unknown
is never remembered: it may be created a moment later, by another process.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from ingest import identity
from ingest.database import DatabaseAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from psycopg import Connection

    from ingest.database import Database

FRESH: Final = 60.0
STALE: Final = 3600.0
CAPACITY: Final = 200_000

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Answers with their age, the oldest dropped first when there are too many. Safe to use from many threads."""

    def __init__(self, capacity: int, monotonic: Callable[[], float]) -> None:
        self._capacity = capacity
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: dict[Key, tuple[Value, float]] = {}

    def recall(self, keys: Iterable[Key], max_age: float) -> dict[Key, Value]:
        """Give the answers that are not older than so many seconds."""
        oldest = self._monotonic() - max_age
        entries = self._entries
        return {key: entry[0] for key in keys if (entry := entries.get(key)) is not None and entry[1] >= oldest}

    def remember(self, answers: Mapping[Key, Value]) -> None:
        """Keep answers that were found just now."""
        now = self._monotonic()
        with self._lock:
            for key, value in answers.items():
                self._entries.pop(key, None)  # so that it moves to the young end
                self._entries[key] = (value, now)
            while len(self._entries) > self._capacity:
                del self._entries[next(iter(self._entries))]

    def forget(self, keys: AbstractSet[Key]) -> None:
        """Drop answers that turned out to hold no more."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)


class Found(NamedTuple, Generic[Key]):
    """`ids`: contact ids by what was asked for. `undecided`: what nobody can tell about while PostgreSQL is away."""

    ids: dict[Key, int]
    undecided: frozenset[Key]


class KnownContacts:
    """Finds contacts by id and by external id, in memory or else in PostgreSQL."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._ids: Memory[tuple[int, int], int] = Memory(CAPACITY, monotonic)
        self._external: Memory[tuple[int, str], int] = Memory(CAPACITY, monotonic)

    def exists(self, workspace_id: int, contact_id: int) -> bool:
        """Tell whether a contact of the workspace can be written to; raise DatabaseAwayError when nobody can."""
        found = self.existing(workspace_id, {contact_id})
        if found.undecided:
            raise DatabaseAwayError("neither remembered nor to be looked up")
        return contact_id in found.ids

    def existing(self, workspace_id: int, contact_ids: AbstractSet[int]) -> Found[int]:
        """Tell which contacts of the workspace can be written to."""

        def look_up(connection: Connection[Any], wanted: set[int]) -> dict[int, int]:
            return {found: found for found in identity.known_contacts(connection, workspace_id, wanted)}

        return self._find(self._ids, workspace_id, contact_ids, look_up)

    def by_external_id(self, workspace_id: int, external_ids: AbstractSet[str]) -> Found[str]:
        """Find contacts of the workspace by the app's own ids."""

        def look_up(connection: Connection[Any], wanted: set[str]) -> dict[str, int]:
            return identity.known_external_ids(connection, workspace_id, wanted)

        return self._find(self._external, workspace_id, external_ids, look_up)

    def _find(
        self,
        memory: Memory[tuple[int, Key], int],
        workspace_id: int,
        wanted: AbstractSet[Key],
        look_up: Callable[[Connection[Any], set[Key]], dict[Key, int]],
    ) -> Found[Key]:
        if not wanted:
            return Found({}, frozenset())
        keys = [(workspace_id, each) for each in wanted]
        found = memory.recall(keys, FRESH)
        undecided: frozenset[Key] = frozenset()
        if len(found) < len(keys):
            missing = set(keys) - found.keys()
            try:
                with self._database.connection() as connection:
                    fresh = look_up(connection, {each for _, each in missing})
            except DatabaseAwayError:
                found |= memory.recall(missing, STALE)
                undecided = frozenset(each for _, each in missing - found.keys())
            else:
                found |= {(workspace_id, each): contact_id for each, contact_id in fresh.items()}
                memory.remember({(workspace_id, each): contact_id for each, contact_id in fresh.items()})
                memory.forget({key for key in missing if key[1] not in fresh})
        return Found({each: contact_id for (_, each), contact_id in found.items()}, undecided)

    def forget(self, workspace_id: int, contact_id: int) -> None:
        """Drop a contact that is being erased."""
        self._ids.forget({(workspace_id, contact_id)})

    def learn(self, workspace_id: int, contacts: Mapping[str, int]) -> None:
        """Remember contacts that were created just now."""
        self._ids.remember({(workspace_id, contact_id): contact_id for contact_id in contacts.values()})
        self._external.remember({(workspace_id, each): contact_id for each, contact_id in contacts.items()})
