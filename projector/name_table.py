"""What workspaces say about their event names: one row a name, each update id once, the first in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from projector.changes import Copy
from projector.contact_tables import save_copies
from projector.fold import same_content
from schemas.records import EVENT_NAME_CHANGED, EventNameChanged

if TYPE_CHECKING:
    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

_encoder: Final = msgspec.json.Encoder()

_FIELDS: Final = ("description", "alias", "hidden", "pinned", "template", "tone", "archived")

_FIRST: Final = """
    INSERT INTO event_name_changes (workspace_id, update_id, name, change, received_at, record_id, log_partition,
                                    log_offset)
    VALUES (%(workspace_id)s, %(id)s, %(name)s, %(data)s, %(received_at)s, %(record_id)s, %(partition)s, %(offset)s)
    ON CONFLICT (workspace_id, update_id) DO NOTHING RETURNING true
"""

_STORED: Final = (
    "SELECT change::text FROM event_name_changes WHERE workspace_id = %(workspace_id)s AND update_id = %(id)s"
)

# A field that the change does not name keeps its value; `said` tells that apart from one set to null.
_APPLY: Final = """
    INSERT INTO event_name_settings AS s (workspace_id, name, description, alias, hidden, pinned, template, tone,
                                          archived, updated_at, log_partition, log_offset)
    VALUES (%(workspace_id)s, %(name)s, %(description)s, %(alias)s, coalesce(%(hidden)s, false),
            coalesce(%(pinned)s, false), %(template)s, %(tone)s, coalesce(%(archived)s, false), %(received_at)s,
            %(partition)s, %(offset)s)
    ON CONFLICT (workspace_id, name) DO UPDATE SET
        description = CASE WHEN 'description' = ANY(%(said)s::text[]) THEN excluded.description ELSE s.description END,
        alias = CASE WHEN 'alias' = ANY(%(said)s::text[]) THEN excluded.alias ELSE s.alias END,
        hidden = CASE WHEN 'hidden' = ANY(%(said)s::text[]) THEN excluded.hidden ELSE s.hidden END,
        pinned = CASE WHEN 'pinned' = ANY(%(said)s::text[]) THEN excluded.pinned ELSE s.pinned END,
        template = CASE WHEN 'template' = ANY(%(said)s::text[]) THEN excluded.template ELSE s.template END,
        tone = CASE WHEN 'tone' = ANY(%(said)s::text[]) THEN excluded.tone ELSE s.tone END,
        archived = CASE WHEN 'archived' = ANY(%(said)s::text[]) THEN excluded.archived ELSE s.archived END,
        updated_at = excluded.updated_at,
        log_offset = excluded.log_offset
"""


class LocatedNameChange(NamedTuple):
    """A change of a name and its place in the log."""

    partition: int
    offset: int
    record: EventNameChanged


def apply_name_change(connection: Connected, located: LocatedNameChange) -> str:
    """Apply one; return applied, duplicate or conflict. People make these by hand, so one at a time will do."""
    record = located.record
    data = _encoder.encode(record.data).decode()
    parameters = {
        "workspace_id": record.workspace_id,
        "id": record.id,
        "name": record.name,
        "data": data,
        "received_at": record.received_at,
        "record_id": record.record_id,
        "partition": located.partition,
        "offset": located.offset,
        "said": list(record.change),
        **{field: record.change.get(field) for field in _FIELDS},
    }
    if connection.execute(_FIRST, parameters).fetchone():
        connection.execute(_APPLY, parameters)
        return "applied"
    (stored,) = connection.execute(_STORED, parameters).fetchone() or ("",)
    kind = "duplicate" if same_content(stored, data) else "conflict"
    content = data if kind == "conflict" else None
    save_copies(
        connection,
        [
            Copy(
                located.partition,
                located.offset,
                record.workspace_id,
                0,
                EVENT_NAME_CHANGED,
                record.id,
                kind,
                content,
                record.received_at,
                record.record_id,
            )
        ],
    )
    return kind
