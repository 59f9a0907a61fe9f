"""The projection as simply as it can be said: one record after another, plain dictionaries. The tables must agree."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.records import (
    ContactCreated,
    ContactErased,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    InvalidRecordError,
    LogMark,
    UnknownTypeError,
    decode,
    read_key,
)
from schemas.times import format_time

JSON_TYPES: dict[type, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
SETTINGS = ("description", "alias", "hidden", "pinned", "template", "tone", "archived")

if TYPE_CHECKING:
    from datetime import datetime
    from types import SimpleNamespace


def parse(text: str) -> Any:  # noqa: ANN401 - any JSON
    """JSON with numbers as written: 1.0 and 1 are two things."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))


def merged(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            inner = result.get(key)
            result[key] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[key] = value
    return result


class Copy(NamedTuple):
    contact: tuple[int, int]
    space: str
    id: str
    outcome: str
    key: bytes


class Letter(NamedTuple):
    outcome: str
    key: bytes
    value: bytes

    def is_of_event(self, event_id: str) -> bool:
        try:
            return bool(json.loads(self.value)["id"] == event_id)
        except (ValueError, KeyError, TypeError):
            return False


class Reference:
    """The tables as dictionaries; `counts` by outcome."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.counts: Counter[str] = Counter()
        self.timeline: dict[tuple[int, int, str], tuple[int, int, EventRecorded]] = {}
        self.updates: dict[tuple[int, int, str], tuple[int, int, ContactCreated | ContactUpdated]] = {}
        self.copies: dict[tuple[int, int], Copy] = {}
        self.letters: dict[tuple[int, int], Letter] = {}
        self.erased_events: set[tuple[int, int, str]] = set()
        self.erased_contacts: set[tuple[int, int]] = set()
        self.name_changes: dict[tuple[int, str], EventNameChanged] = {}
        self.outbox: set[bytes] = set()
        self.discarded: set[bytes] = set()

    def apply(self, raw: SimpleNamespace) -> None:
        self.counts["read"] += 1
        place = raw.partition, raw.offset
        if raw.value is None:
            self.counts["control"] += 1
            gone = [p for p, letter in self.letters.items() if p[0] == raw.partition and letter.key == raw.key]
            for spot in gone:
                self.discarded.add(self.letters.pop(spot).key)
            return
        try:
            record = decode(raw.key, raw.value, raw.partition, self.partitions)
        except InvalidRecordError:
            self._letter(place, raw, "dead_lettered")
        except UnknownTypeError:
            self._letter(place, raw, "set_aside")
        else:
            if isinstance(record, LogMark):
                self.counts["control"] += 1
            else:
                self.counts[self._record(place, record)] += 1

    def _letter(self, place: tuple[int, int], raw: SimpleNamespace, outcome: str) -> None:
        if read_key(raw.key) in self.erased_contacts:
            self.outbox.add(raw.key)
            outcome = "refused"
        else:
            self.letters[place] = Letter(outcome, raw.key, raw.value)
        self.counts[outcome] += 1

    def _record(self, place: tuple[int, int], record: Any) -> str:  # noqa: ANN401, PLR0911 - any of ours, one way out each
        if isinstance(record, EventNameChanged):
            return self._first_or_copy(place, record, self.name_changes, (record.workspace_id, record.id), record)
        contact = record.workspace_id, record.contact_id
        if isinstance(record, ContactErased):
            return self._erase_contact(contact)
        if contact in self.erased_contacts:
            if not isinstance(record, EventErased):
                self.outbox.add(record.key)
            return "refused"
        if isinstance(record, EventErased):
            return self._erase_event((*contact, record.event_id))
        key = (*contact, record.id)
        if isinstance(record, EventRecorded):
            if key in self.erased_events:
                self.outbox.add(record.key)
                return "refused"
            return self._first_or_copy(place, record, self.timeline, key, (*place, record))
        return self._first_or_copy(place, record, self.updates, key, (*place, record))

    def _first_or_copy(self, place: tuple[int, int], record: Any, table: Any, key: Any, row: Any) -> str:  # noqa: ANN401
        if key not in table:
            table[key] = row
            return "applied"
        first = table[key] if isinstance(table[key], EventNameChanged) else table[key][2]
        outcome = "duplicate" if self._content(first) == self._content(record) else "conflict"
        contact_id = 0 if isinstance(record, EventNameChanged) else record.contact_id
        space = "event" if isinstance(record, EventRecorded) else "change"
        self.copies[place] = Copy((record.workspace_id, contact_id), space, record.id, outcome, record.key)
        return outcome

    @staticmethod
    def _content(record: Any) -> Any:  # noqa: ANN401 - any of ours
        if isinstance(record, EventRecorded):
            return record.name, record.occurred_at, parse(record.properties)
        if isinstance(record, EventNameChanged):
            return record.name, record.change
        custom_data = None if record.custom_data is None else parse(record.custom_data)
        if isinstance(record, ContactCreated):
            return "created", record.external_id, record.email, record.name, custom_data
        return "updated", record.profile, custom_data

    def _forget(self, contact: tuple[int, int], event_id: str | None) -> None:
        """Forget copies and dead letters of an event, or with None of the whole contact."""
        for place, copy in list(self.copies.items()):
            if copy.contact == contact and (event_id is None or (copy.space, copy.id) == ("event", event_id)):
                self.outbox.add(self.copies.pop(place).key)
        for place, letter in list(self.letters.items()):
            if read_key(letter.key) == contact and (event_id is None or letter.is_of_event(event_id)):
                self.outbox.add(self.letters.pop(place).key)

    def _erase_event(self, key: tuple[int, int, str]) -> str:
        if key in self.erased_events:
            return "duplicate"
        self.erased_events.add(key)
        if row := self.timeline.pop(key, None):
            self.outbox.add(row[2].key)
        self._forget(key[:2], key[2])
        return "applied"

    def _erase_contact(self, contact: tuple[int, int]) -> str:
        if contact in self.erased_contacts:
            return "duplicate"
        self.erased_contacts.add(contact)
        tables: tuple[dict[tuple[int, int, str], Any], ...] = self.timeline, self.updates
        for table in tables:
            for key in [key for key in table if key[:2] == contact]:
                self.outbox.add(table.pop(key)[2].key)
        self._forget(contact, None)
        self.erased_events = {key for key in self.erased_events if key[:2] != contact}
        return "applied"

    # What the tables must hold, told from the above.

    def contacts(self) -> dict[tuple[int, int], tuple[Any, ...]]:
        folded: dict[tuple[int, int], dict[str, Any]] = {}
        for (workspace_id, contact_id, _), (_, offset, record) in sorted(
            self.updates.items(), key=lambda row: row[1][1]
        ):
            state = folded.setdefault((workspace_id, contact_id), {"external_id": None, "data": {}, "changed": {}})
            self._fold(state, record, offset)
        return {
            key: (
                state["external_id"],
                state.get("email"),
                state.get("name"),
                state["data"],
                {name: format_time(moment) for name, moment in state["changed"].items()},
                state["created_at"],
                state["updated_at"],
                state["offset"],
            )
            for key, state in folded.items()
            if state["external_id"] is not None
        }

    @staticmethod
    def _fold(state: dict[str, Any], record: ContactCreated | ContactUpdated, offset: int) -> None:
        if isinstance(record, ContactCreated):
            profile: dict[Any, Any] = {"email": record.email, "name": record.name}
            profile = {key: value for key, value in profile.items() if value is not None}
            if state["external_id"] is None:
                state |= {"external_id": record.external_id, "created_at": record.received_at}
        else:
            profile = dict(record.profile)
        state |= profile | {"updated_at": record.received_at, "offset": offset}
        before = state["data"]
        state["data"] = merged(before, parse(record.custom_data or "{}"))
        state["changed"] = {
            key: state["changed"][key] if key in before and before[key] == value else record.received_at
            for key, value in state["data"].items()
        }

    def event_names(self) -> dict[tuple[int, ...], tuple[int, datetime, datetime]]:
        totals: dict[Any, tuple[int, datetime, datetime]] = {}
        for (workspace_id, _, _), (partition, _, event) in self.timeline.items():
            key = partition, workspace_id, event.name
            count, first, last = totals.get(key, (0, event.received_at, event.received_at))
            totals[key] = count + 1, min(first, event.received_at), max(last, event.received_at)
        return totals

    def event_name_stretches(self, length: int, most: int) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """(partition, workspace, name, stretch) to (count, sizes, others, what is itemised)."""
        stretches: dict[tuple[Any, ...], list[EventRecorded]] = {}
        for (workspace_id, _, _), (partition, offset, event) in sorted(
            self.timeline.items(), key=lambda item: item[1][1]
        ):
            stretches.setdefault((partition, workspace_id, event.name, offset // length), []).append(event)
        return {key: self._itemised(events, most) for key, events in stretches.items()}

    @staticmethod
    def _itemised(events: list[EventRecorded], most: int) -> tuple[Any, ...]:
        others = 0
        itemised: dict[tuple[str, str], tuple[int, datetime, datetime]] = {}
        for event in events:
            for name, value in json.loads(event.properties).items():
                if name not in {known for known, _ in itemised} and len({known for known, _ in itemised}) == most:
                    others += 1
                    continue
                kind = JSON_TYPES[type(value)]
                count, first, last = itemised.get((name, kind), (0, event.received_at, event.received_at))
                itemised[name, kind] = count + 1, min(first, event.received_at), max(last, event.received_at)
        sizes = [len(event.properties.encode()) for event in events]
        return len(events), min(sizes), max(sizes), others, itemised

    def sizes(self) -> dict[tuple[int, ...], tuple[int, int]]:
        """(partition, workspace, name) to the smallest and largest size of its properties."""
        sizes: dict[Any, list[int]] = {}
        for (workspace_id, _, _), (partition, _, event) in self.timeline.items():
            sizes.setdefault((partition, workspace_id, event.name), []).append(len(event.properties.encode()))
        return {key: (min(found), max(found)) for key, found in sizes.items()}

    def event_name_days(self) -> dict[tuple[Any, ...], int]:
        return dict(
            Counter(
                (partition, workspace_id, event.occurred_at.date(), event.name)
                for (workspace_id, _, _), (partition, _, event) in self.timeline.items()
            )
        )

    def contact_event_names(self) -> dict[Any, tuple[Any, ...]]:
        groups: dict[Any, list[EventRecorded]] = {}
        for (workspace_id, contact_id, _), (_, _, event) in self.timeline.items():
            groups.setdefault((workspace_id, contact_id, event.name), []).append(event)
        return {
            key: (
                len(events),
                min(event.occurred_at for event in events),
                max(event.occurred_at for event in events),
                min(event.received_at for event in events),
                max(event.received_at for event in events),
            )
            for key, events in groups.items()
        }

    def name_settings(self) -> dict[tuple[int, str], dict[str, Any]]:
        settings: dict[tuple[int, str], dict[str, Any]] = {}
        for change in self.name_changes.values():
            empty: dict[str, Any] = dict.fromkeys(SETTINGS)
            settings.setdefault((change.workspace_id, change.name), empty).update(change.change.items())
        for one in settings.values():
            one |= {flag: bool(one[flag]) for flag in ("hidden", "pinned", "archived")}
        return settings
