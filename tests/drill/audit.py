"""Compare what callers were promised with what the log and the tables hold. Pure: everything comes as arguments.

Shares no code with the projector: what it knows of the contract is written down here once more.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EventKey = tuple[int, str]
"""(contact id, event id)."""


class Accepted(NamedTuple):
    """An event that was answered with 2xx. What was accepted in `step` n of a contact came before step n + 1 began."""

    contact_id: int
    event_id: str
    step: int


class LogRecord(NamedTuple):
    """A record as an independent client reads it; `value` is None for a tombstone."""

    partition: int
    offset: int
    key: str
    value: dict[str, Any] | None


class Row(NamedTuple):
    """A row of the timeline."""

    contact_id: int
    event_id: str
    name: str
    occurred_at: str
    properties: Any
    log_partition: int
    log_offset: int


@dataclass
class Evidence:
    """All that the audit looks at. `sent`: every id ever sent; `erased`: ids whose erasure was accepted."""

    accepted: list[Accepted]
    sent: set[EventKey]
    erased: set[EventKey]
    log: list[LogRecord]
    rows: list[Row]
    names: dict[tuple[int, str], int]
    positions: dict[int, dict[str, int]]
    log_ends: dict[int, int]
    rebuilt_equal: bool = True
    faults: list[str] = field(default_factory=list)

    def fault(self, promise: str, what: Iterable[object]) -> None:
        """Note a broken promise, with a few of those it was broken to."""
        found = list(what)
        if found:
            self.faults.append(f"{promise}: {len(found)}, such as {found[:3]}")


def audit(evidence: Evidence) -> list[str]:
    """Check every promise; the list of those broken, empty when all were kept."""
    copies = _copies(evidence.log)
    _check_accepted(evidence, copies)
    _check_rows(evidence, copies)
    _check_order(evidence, copies)
    _check_counts(evidence)
    if not evidence.rebuilt_equal:
        evidence.faults.append("the tables are not what a rebuild makes")
    return evidence.faults


def _copies(log: Iterable[LogRecord]) -> dict[EventKey, list[LogRecord]]:
    """The copies of each event, in log order; a contact's are all in one partition."""
    copies: dict[EventKey, list[LogRecord]] = {}
    for record in sorted(log, key=lambda record: (record.partition, record.offset)):
        if record.value is not None and record.value["type"] == "contact.event.recorded.v1":
            contact_id = int(record.value["subject"].removeprefix("contacts/"))
            copies.setdefault((contact_id, record.value["id"]), []).append(record)
    return copies


def _check_accepted(evidence: Evidence, copies: Mapping[EventKey, list[LogRecord]]) -> None:
    on_timeline = Counter((row.contact_id, row.event_id) for row in evidence.rows)
    kept = {(one.contact_id, one.event_id) for one in evidence.accepted} - evidence.erased
    evidence.fault("accepted, but not in the log", sorted(kept - copies.keys()))
    evidence.fault("accepted, but not on the timeline", sorted(kept - on_timeline.keys()))
    evidence.fault("more than once on the timeline", [key for key, count in on_timeline.items() if count > 1])
    evidence.fault("erased, but on the timeline", sorted(evidence.erased & on_timeline.keys()))
    evidence.fault("never sent, but on the timeline", sorted(on_timeline.keys() - evidence.sent))
    evidence.fault("never sent, but in the log", sorted(copies.keys() - evidence.sent))


def _check_rows(evidence: Evidence, copies: Mapping[EventKey, list[LogRecord]]) -> None:
    missing, different = [], []
    for row in evidence.rows:
        key = row.contact_id, row.event_id
        if key not in copies:
            missing.append(key)
            continue
        first = copies[key][0]
        assert first.value is not None
        data = first.value["data"]
        expected = data["name"], first.value["time"], data["properties"], first.partition, first.offset
        if expected != (row.name, row.occurred_at, row.properties, row.log_partition, row.log_offset):
            different.append(key)
    evidence.fault("on the timeline, but not in the log", missing)
    evidence.fault("not what the first copy in the log says", different)
    by_name = Counter((row.contact_id, row.name) for row in evidence.rows)
    wrong = [key for key in by_name.keys() | evidence.names.keys() if by_name[key] != evidence.names.get(key, 0)]
    evidence.fault("counted wrongly", sorted(wrong))


def _check_order(evidence: Evidence, copies: Mapping[EventKey, list[LogRecord]]) -> None:
    """What was accepted before the next was sent stands before it in the log."""
    steps: dict[int, dict[int, list[int]]] = {}
    for one in evidence.accepted:
        if found := copies.get((one.contact_id, one.event_id)):
            steps.setdefault(one.contact_id, {}).setdefault(one.step, []).append(found[0].offset)
    broken = []
    for contact_id, by_step in steps.items():
        latest = -1
        for step in sorted(by_step):
            if min(by_step[step]) < latest:
                broken.append((contact_id, step))
            latest = max(latest, *by_step[step])
    evidence.fault("out of order in the log", broken)


def _check_counts(evidence: Evidence) -> None:
    read = Counter(record.partition for record in evidence.log)
    for partition, position in evidence.positions.items():
        if position["next_offset"] != evidence.log_ends[partition]:
            evidence.faults.append(f"partition {partition} is not applied to its end")
        outcomes = sum(count for name, count in position.items() if name not in {"read", "next_offset"})
        if position["read"] != outcomes:
            evidence.faults.append(f"the counts of partition {partition} do not add up")
        if position["read"] != read[partition]:
            evidence.faults.append(
                f"partition {partition} holds {read[partition]} records, {position['read']} were counted"
            )
    applied = sum(position["applied"] for position in evidence.positions.values())
    copies = _copies(evidence.log)
    events = sum(map(len, copies.values()))
    others = sum(
        1
        for record in evidence.log
        if record.value is not None and record.value["type"].startswith("contact.") and not _is_event(record)
    )
    if applied > len(copies) + others:
        evidence.faults.append(
            f"{applied} records counted as applied, {len(copies)} ids and {others} changes are there"
        )
    duplicates = sum(position["duplicate"] + position["conflict"] for position in evidence.positions.values())
    refused = sum(position["refused"] for position in evidence.positions.values())
    if applied + duplicates + refused != events + others:
        evidence.faults.append(
            f"{events + others} events and changes in the log, {applied + duplicates + refused} counted"
        )


def _is_event(record: LogRecord) -> bool:
    return record.value is not None and record.value["type"] == "contact.event.recorded.v1"


def parse_value(value: bytes | None) -> dict[str, Any] | None:
    """Read a record's value."""
    return None if value is None else dict(json.loads(value))
