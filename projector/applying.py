"""Apply decoded records, in log order, inside a transaction. What comes out does not depend on where batches end.

Events, contact changes, names and dead letters touch different rows, so a run of them goes in as a few statements over
sets. An erasure touches them all: it ends a run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg

from projector.batch import Counts, DeadLetter, Located, Tombstone
from projector.changes import LocatedChange
from projector.contact_tables import apply_changes, save_copies
from projector.dead_letter_table import LocatedLetter, LocatedTombstone, save_dead_letter, take_out
from projector.erasing import LocatedErasure, apply_erasure, note_for_tombstones
from projector.name_table import LocatedNameChange, apply_name_change
from projector.stretch_table import count_events
from projector.timeline_table import LocatedEvent, copy_events, merge_events, note_refused, occurrence
from schemas.records import (
    ContactCreated,
    ContactErased,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    InvalidRecordError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from psycopg import Connection

    from projector.large_erasures import LargeErasures

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

_DATA_FAULTS = ("22", "23", "54")
"""SQLSTATE classes that blame the row: data exception, constraint violation, limit exceeded. Others blame the world."""


@dataclass(slots=True)
class Run:
    """What goes in together; `erasure` comes last."""

    events: list[LocatedEvent] = field(default_factory=list)
    changes: list[LocatedChange] = field(default_factory=list)
    names: list[LocatedNameChange] = field(default_factory=list)
    letters: list[LocatedLetter] = field(default_factory=list)
    tombstones: list[LocatedTombstone] = field(default_factory=list)
    erasure: LocatedErasure | None = None


def split(items: Iterable[Located]) -> list[Run]:
    """Part a batch into runs; at least one."""
    runs = [Run()]
    for partition, offset, record, _ in items:
        run = runs[-1]
        if isinstance(record, EventRecorded):
            run.events.append(LocatedEvent(partition, offset, record))
        elif isinstance(record, ContactCreated | ContactUpdated):
            run.changes.append(LocatedChange(partition, offset, record))
        elif isinstance(record, EventErased | ContactErased):
            run.erasure = LocatedErasure(partition, offset, record)
            runs.append(Run())
        elif isinstance(record, EventNameChanged):
            run.names.append(LocatedNameChange(partition, offset, record))
        elif isinstance(record, DeadLetter):
            run.letters.append(LocatedLetter(partition, offset, record))
        else:
            run.tombstones.append(LocatedTombstone(partition, offset, record))
    return runs


def is_data_fault(error: BaseException) -> bool:
    """Tell whether an error blames a record, so that setting that record aside helps."""
    if isinstance(error, psycopg.Error):
        return (error.sqlstate or "")[:2] in _DATA_FAULTS
    return isinstance(error, InvalidRecordError)


class Applier:
    """Applies records of one topic over one connection. `itemised`: properties are counted in this set of tables.

    What `large` has erased already is only accounted for.
    """

    def __init__(self, connection: Connected, topic_id: UUID, large: LargeErasures, *, itemised: bool) -> None:
        self._connection = connection
        self._topic_id = topic_id
        self._large = large
        self._itemised = itemised

    def load(self, run: Run) -> None:
        """Copy the run's events into the temporary table; touches nothing shared."""
        if run.events:
            copy_events(self._connection, run.events)

    def apply(self, runs: Sequence[Run]) -> Counts:
        """Apply runs, the first of which is loaded."""
        counts: Counts = Counter()
        for number, run in enumerate(runs):
            if number:
                self._connection.execute("DELETE FROM incoming")
                self.load(run)
            self._apply_run(run, counts)
        return counts

    def apply_bisecting(self, items: Sequence[Located]) -> Counts:
        """Apply what can be applied, and set aside each record that the database or the fold refuses.

        Halves are tried under savepoints until the guilty records stand alone: a few more statements a batch, and only
        for a batch that has failed.
        """
        try:
            with self._connection.transaction():
                self._connection.execute("DELETE FROM incoming")
                runs = split(items)
                self.load(runs[0])
                return self.apply(runs)
        except (psycopg.Error, InvalidRecordError) as error:
            if not is_data_fault(error):
                raise
            fault = error
        if len(items) == 1:
            return self.apply_bisecting([_as_letter(items[0], fault)])
        middle = len(items) // 2
        return self.apply_bisecting(items[:middle]) + self.apply_bisecting(items[middle:])

    def _apply_run(self, run: Run, counts: Counts) -> None:
        if run.events:
            self._apply_events(run.events, counts)
        if run.changes:
            self._apply_changes(run.changes, counts)
        for name in run.names:
            counts[name.partition, apply_name_change(self._connection, name)] += 1
        for letter in run.letters:
            self._set_aside(letter, counts)
        if run.tombstones:
            take_out(self._connection, run.tombstones)
        if run.erasure:
            outcome = self._large.outcome(run.erasure) or apply_erasure(
                self._connection, self._topic_id, run.erasure, itemised=self._itemised
            )
            counts[run.erasure.partition, outcome] += 1

    def _apply_events(self, events: list[LocatedEvent], counts: Counts) -> None:
        outcome = merge_events(self._connection, events)
        for event in outcome.applied:
            counts[event.partition, "applied"] += 1
        for copy in outcome.copies:
            counts[copy.log_partition, copy.kind] += 1
        if self._itemised and outcome.applied:
            count_events(self._connection, [occurrence(event) for event in outcome.applied])
        save_copies(self._connection, outcome.copies)
        if outcome.refused:
            note_refused(self._connection, outcome.refused)
        self._refuse(outcome.refused, counts)

    def _apply_changes(self, changes: list[LocatedChange], counts: Counts) -> None:
        result = apply_changes(self._connection, changes)
        for located, _, _ in result.updates:
            counts[located.partition, "applied"] += 1
        for copy in result.copies:
            counts[copy.log_partition, copy.kind] += 1
        self._refuse(result.refused, counts)

    def _refuse(self, refused: Sequence[LocatedEvent | LocatedChange], counts: Counts) -> None:
        keys: dict[tuple[int, tuple[int, int]], list[bytes]] = defaultdict(list)
        for located in refused:
            counts[located.partition, "refused"] += 1
            contact = located.record.workspace_id, located.record.contact_id
            keys[located.partition, contact].append(located.record.key)
        for (partition, contact), of_contact in keys.items():
            note_for_tombstones(self._connection, self._topic_id, partition, contact, of_contact)

    def _set_aside(self, located: LocatedLetter, counts: Counts) -> None:
        if save_dead_letter(self._connection, located):
            outcome = "set_aside" if located.letter.kind == "unknown_type" else "dead_lettered"
            counts[located.partition, outcome] += 1
            return
        counts[located.partition, "refused"] += 1
        workspace_id, contact_id = located.letter.contact
        assert workspace_id is not None
        assert contact_id is not None
        assert located.letter.key is not None
        contact = workspace_id, contact_id
        note_for_tombstones(self._connection, self._topic_id, located.partition, contact, [located.letter.key])


def _as_letter(item: Located, fault: Exception) -> Located:
    if isinstance(item.record, DeadLetter | Tombstone):
        raise fault  # setting it aside is what failed
    if isinstance(fault, InvalidRecordError):
        letter = DeadLetter.of(item.raw, fault.reason, fault.detail)
    else:
        state = fault.sqlstate if isinstance(fault, psycopg.Error) else None
        letter = DeadLetter.of(item.raw, "refused_by_database", f"{state}: {str(fault).splitlines()[0]}")
    return item._replace(record=letter)
