"""Writes projection rows as the projector would, so that the reads can be tested without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

import psycopg

from runtime.postgres import connection_string
from schemas.positions import Position

if TYPE_CHECKING:
    from types import TracebackType

PARTITION = 0
TOPIC_ID = UUID("0197b7a0-0000-7000-8000-000000000001")
NOON = datetime(2026, 6, 7, 12, tzinfo=UTC)
CREATED = datetime(2026, 6, 1, tzinfo=UTC)


class Rows:
    """One connection as the projector; every call is a committed batch, told by NOTIFY."""

    def __init__(self, database_url: str, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self._offsets = count()
        self._contact_ids = count(1)
        self._connection = psycopg.connect(
            connection_string(
                database_url, role="contact_events_projector", schema="projection", application_name="tests"
            )
        )

    def __enter__(self) -> Self:
        self._connection.execute(
            "INSERT INTO positions (log_partition, topic_id, cluster_id, next_offset, generation)"
            " VALUES (%s, %s, 'cluster', 0, 1)",
            [PARTITION, TOPIC_ID],
        )
        self._connection.commit()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def position(self) -> Position:
        """The newest record that is in the tables."""
        row = self._connection.execute("SELECT next_offset FROM positions").fetchone()
        assert row is not None
        return Position(TOPIC_ID, PARTITION, row[0] - 1)

    def contact(self, external_id: str = "", *, workspace_id: int | None = None, **fields: str) -> int:
        """Add a contact, created with what it has; its id."""
        contact_id, offset = next(self._contact_ids), next(self._offsets)
        values = {
            "workspace_id": workspace_id or self.workspace_id,
            "contact_id": contact_id,
            "external_id": external_id or f"usr_{contact_id}",
            "email": None,
            "name": None,
            "custom_data": "{}",
            "changed": "{}",
            "offset": offset,
        } | fields
        self._connection.execute(
            "INSERT INTO contacts VALUES (%(workspace_id)s, %(contact_id)s, %(external_id)s, %(email)s, %(name)s,"
            " %(custom_data)s, %(changed)s, '2026-06-01T00:00:00Z', '2026-06-01T00:00:00Z', 0, %(offset)s)",
            values,
        )
        said = {key: values[key] for key in ("external_id", "email", "name")}
        change = f'{json.dumps(said)[:-1]}, "custom_data": {values["custom_data"]}}}'
        self._remember(values, f"created-{contact_id}", "contact.created.v1", change, CREATED)
        self._commit(offset)
        return contact_id

    def change(self, contact_id: int, change: str, received_at: datetime, update_id: str = "") -> str:
        """Add a change to a contact's history, as the record has it; its id. The contact's row stays as it is."""
        row = {"workspace_id": self.workspace_id, "contact_id": contact_id, "offset": next(self._offsets)}
        update_id = update_id or f"change-{row['offset']}"
        self._remember(row, update_id, "contact.updated.v1", change, received_at)
        self._commit(row["offset"])
        return update_id

    def _remember(self, row: dict[str, Any], update_id: str, kind: str, change: str, received_at: datetime) -> None:
        self._connection.execute(
            "INSERT INTO contact_updates VALUES (%(workspace_id)s, %(contact_id)s, %(id)s, %(kind)s, %(change)s,"
            " %(received_at)s, %(record_id)s, 0, %(offset)s)",
            row | {"id": update_id, "kind": kind, "change": change, "received_at": received_at, "record_id": uuid4()},
        )

    def change_contact(self, contact_id: int, name: str) -> None:
        """Change a contact's name."""
        offset = next(self._offsets)
        self._connection.execute(
            "UPDATE contacts SET name = %s, log_offset = %s WHERE contact_id = %s", [name, offset, contact_id]
        )
        self._commit(offset)

    def erase_event(self, contact_id: int, event_id: str) -> None:
        """Erase an event."""
        offset = next(self._offsets)
        self._connection.execute("DELETE FROM timeline WHERE contact_id = %s AND event_id = %s", [contact_id, event_id])
        self._connection.execute(
            "INSERT INTO erased_events VALUES (%s, %s, %s, %s, 0, %s)",
            [self.workspace_id, contact_id, event_id, NOON, offset],
        )
        self._commit(offset)

    def copy(
        self,
        contact_id: int,
        id_: str,
        kind: str,
        content: str | None,
        received_at: datetime,
        *,
        type_: str = "contact.event.recorded.v1",
    ) -> int:
        """Add a copy of an event, or of another record that is told apart by its id; its offset."""
        offset = next(self._offsets)
        self._connection.execute(
            "INSERT INTO record_copies VALUES (0, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [offset, self.workspace_id, contact_id, type_, id_, kind, content, received_at, uuid4()],
        )
        self._commit(offset)
        return offset

    def set_aside(self, contact_id: int, event_id: str, reason: str, *, workspace_id: int | None = None) -> int:
        """Add a dead letter; its offset."""
        offset = next(self._offsets)
        self._connection.execute(
            "INSERT INTO dead_letters (log_partition, log_offset, kind, reason, detail, logged_at, workspace_id,"
            " contact_id, id) VALUES (0, %s, 'dead_letter', %s, 'personal', %s, %s, %s, %s)",
            [offset, reason, NOON, workspace_id or self.workspace_id, contact_id, event_id],
        )
        self._commit(offset)
        return offset

    def projected(self, first_offset: int, next_offset: int, committed_at: datetime) -> None:
        """Say when a stretch was applied."""
        self._connection.execute(
            "INSERT INTO projected_batches VALUES (0, %s, %s, %s)", [first_offset, next_offset, committed_at]
        )
        self._connection.commit()

    def event(
        self,
        contact_id: int,
        name: str = "plan_upgraded",
        occurred_at: datetime = NOON,
        *,
        properties: str = "{}",
        workspace_id: int | None = None,
        event_id: str | None = None,
        received_at: datetime | None = None,
    ) -> str:
        """Add an event; its id."""
        event_id = event_id or uuid4().hex
        row = {"contact_id": contact_id, "name": name, "occurred_at": occurred_at, "properties": properties}
        row |= {"event_id": event_id, "received_at": received_at or occurred_at}
        offset = self._insert(row | ({"workspace_id": workspace_id} if workspace_id else {}))
        self._commit(offset)
        return event_id

    def events(self, contact_id: int, how_many: int, name: str = "feature_enabled") -> list[str]:
        """Add events a minute apart, the oldest first, in one batch; their ids."""
        ids, offset = [f"{name}-{number}" for number in range(how_many)], 0
        for number, event_id in enumerate(ids):
            at = NOON + timedelta(minutes=number)
            row = {"contact_id": contact_id, "name": name, "event_id": event_id, "occurred_at": at, "received_at": at}
            offset = self._insert(row | {"properties": f'{{"n":{number}}}'})
        self._commit(offset)
        return ids

    def say(self, name: str, *, workspace_id: int | None = None, **settings: str | bool | None) -> None:
        """Say something about an event name; what is left out is as if it had never been said."""
        offset = next(self._offsets)
        values: dict[str, Any] = dict.fromkeys(["description", "alias", "template", "tone"])
        values |= {"hidden": False, "pinned": False, "archived": False} | settings
        values |= {"workspace_id": workspace_id or self.workspace_id, "name": name, "at": NOON, "offset": offset}
        self._connection.execute(
            "INSERT INTO event_name_settings (workspace_id, name, description, alias, hidden, pinned, template, tone,"
            " archived, updated_at, log_partition, log_offset) VALUES (%(workspace_id)s, %(name)s, %(description)s,"
            " %(alias)s, %(hidden)s, %(pinned)s, %(template)s, %(tone)s, %(archived)s, %(at)s, 0, %(offset)s)"
            " ON CONFLICT (workspace_id, name) DO UPDATE SET description = excluded.description,"
            " alias = excluded.alias, hidden = excluded.hidden, pinned = excluded.pinned,"
            " template = excluded.template, tone = excluded.tone, archived = excluded.archived",
            values,
        )
        self._commit(offset)

    def properties(self, workspace_id: int, name: str, types: dict[str, tuple[str, int]]) -> None:
        """Say which properties the events of a name have: key to type and count."""
        offset = next(self._offsets)
        self._connection.execute(
            "INSERT INTO event_name_stretches (log_partition, workspace_id, name, stretch, count, smallest_bytes,"
            " largest_bytes, others, properties, types, counts, first_received_at, last_received_at)"
            " VALUES (0, %(workspace_id)s, %(name)s, %(offset)s, 1, 2, 9, 4, %(keys)s, %(types)s, %(counts)s,"
            " %(moments)s, %(moments)s)",
            {
                "workspace_id": workspace_id,
                "name": name,
                "offset": offset,
                "keys": list(types),
                "types": [type_ for type_, _ in types.values()],
                "counts": [count for _, count in types.values()],
                "moments": [NOON] * len(types),
            },
        )
        self._commit(offset)

    def _insert(self, row: dict[str, Any]) -> int:
        offset = next(self._offsets)
        values = {"workspace_id": self.workspace_id, "record_id": uuid4(), "offset": offset} | row
        self._connection.execute(
            "INSERT INTO timeline VALUES (%(workspace_id)s, %(contact_id)s, %(event_id)s, %(name)s, %(occurred_at)s,"
            " %(received_at)s, %(properties)s, %(record_id)s, 0, %(offset)s)",
            values,
        )
        self._connection.execute(
            "INSERT INTO contact_event_names AS n (workspace_id, contact_id, name, log_partition, count,"
            " first_occurred_at, last_occurred_at, first_received_at, last_received_at)"
            " VALUES (%(workspace_id)s, %(contact_id)s, %(name)s, 0, 1, %(occurred_at)s, %(occurred_at)s,"
            " %(received_at)s, %(received_at)s)"
            " ON CONFLICT (workspace_id, contact_id, name) DO UPDATE SET count = n.count + 1,"
            " first_occurred_at = least(n.first_occurred_at, excluded.first_occurred_at),"
            " last_occurred_at = greatest(n.last_occurred_at, excluded.last_occurred_at)",
            values,
        )
        self._connection.execute(
            "INSERT INTO event_names AS n VALUES (0, %(workspace_id)s, %(name)s, 1, %(received_at)s, %(received_at)s)"
            " ON CONFLICT (log_partition, workspace_id, name) DO UPDATE SET count = n.count + 1,"
            " last_received_at = greatest(n.last_received_at, excluded.last_received_at)",
            values,
        )
        return offset

    def _commit(self, offset: int) -> None:
        self._connection.execute("UPDATE positions SET next_offset = %s", [offset + 1])
        self._connection.execute("SELECT pg_notify('projection', '1:0:' || %s::text)", [offset + 1])
        self._connection.commit()
