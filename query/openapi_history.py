"""What query says in the OpenAPI document about the past: contacts as they were, changes, filters, traces."""

from __future__ import annotations

from typing import Any, Final

from query.api.events import LONGEST_NAME
from query.contact_filters import LONGEST_VALUE, MOST_KEYS, MOST_MATCHES, STRETCH
from query.history import LOOKED_BACK
from query.openapi_parts import (
    ASKED_TIME,
    CURSOR,
    FREE,
    MAYBE_TEXT,
    MAYBE_TIME,
    NUMBER,
    TEXT,
    TIME,
    list_of,
    object_of,
    parameter,
)
from query.parameters import MOST_NAMES

PROFILE: Final = {
    "anyOf": [{"$ref": "#/components/schemas/ContactProfile"}, {"$ref": "#/components/schemas/ContactAsItWas"}],
    "description": "The second with `as_of`.",
}
AS_OF: Final = parameter(
    "as_of",
    "Profile and custom data as they were then. 404 `contact_not_created_yet` before the contact.",
    ASKED_TIME,
)

_CHANGE: Final = {"$ref": "#/components/schemas/ContactChange"}
_LINE: Final = {"$ref": "#/components/schemas/ContactLine"}
_PAGE: Final = {"next_cursor": CURSOR, "prev_cursor": CURSOR}
CHANGES: Final = object_of({"data": list_of(_CHANGE)} | _PAGE | {"position": MAYBE_TEXT})

CONTACTS: Final[dict[str, Any]] = object_of({"data": list_of(_LINE)} | _PAGE)
CONTACTS["properties"]["searched_back_to"] = MAYBE_TIME | {
    "description": "With a filter: contacts created before it were not looked at; go on with the cursor."
}

_NAMES: Final = {"type": "array", "items": {"type": "string", "maxLength": LONGEST_NAME}, "maxItems": MOST_NAMES}
CONTACT_FILTERS: Final[list[dict[str, Any]]] = [
    parameter(
        "custom_data.plan",
        "`plan` stands for any key: only contacts with this value in their custom data; several keys (at most "
        f"{MOST_KEYS}) all have to fit. `42` and `4.2e1` are one number, `true` and `false` booleans, all else "
        'strings; write `"42"` for the string. '
        f"A page looks at {STRETCH:,} contacts at most; with `query`, at its {MOST_MATCHES} best matches.",
        {"type": "string", "maxLength": LONGEST_VALUE},
    ),
    parameter(
        "has_event",
        "Only contacts to whom an event of this name happened, since `since` where that is given.",
        _NAMES,
    ),
    parameter(
        "has_no_event",
        "Only contacts to whom no event of this name happened, since `since` where that is given.",
        _NAMES,
    ),
    parameter("since", "From when on events count.", ASKED_TIME),
]

TRACE: Final = {"$ref": "#/components/schemas/EventTrace"}


def schemas() -> dict[str, Any]:
    """Give the component schemas."""
    changed = {"type": "object", "additionalProperties": TIME, "description": "When each key got its value."}
    who = {"id": NUMBER, "external_id": TEXT, "email": MAYBE_TEXT, "name": MAYBE_TEXT}
    known = {
        "type": "boolean",
        "description": f"False when the value before was set more than {LOOKED_BACK:,} changes earlier.",
    }
    value: dict[str, Any] = {"key": TEXT, "before": {}, "after": {}, "before_known": known}
    kind = {"enum": ["created", "updated"]}
    change = {"id": TEXT, "contact_id": NUMBER, "kind": kind, "received_at": TIME}
    place = object_of({"partition": NUMBER, "offset": NUMBER, "record_id": MAYBE_TEXT})
    maybe_place = {"anyOf": [place, {"type": "null"}]}
    copy: dict[str, Any] = {"kind": {"enum": ["duplicate", "conflict"]}, "received_at": TIME, "log": place}
    copy["content"] = {"description": "What a conflict said: another content under the same id. Null of a duplicate."}
    aside = {"kind": {"enum": ["dead_letter", "unknown_type"]}, "reason": TEXT, "logged_at": TIME, "log": place}
    projected = {"description": "To the second. Null once it is no longer kept."} | MAYBE_TIME
    trace = {"id": TEXT, "contact_id": NUMBER, "status": {"enum": ["on_timeline", "set_aside"]}}
    trace |= {"name": MAYBE_TEXT, "occurred_at": MAYBE_TIME, "received_at": MAYBE_TIME, "projected_at": projected}
    trace |= {"log": maybe_place, "position": MAYBE_TEXT, "copies": list_of(object_of(copy))}
    trace |= {"more_copies": {"type": "boolean"}, "set_aside": list_of(object_of(aside))}
    return {
        "EventTrace": object_of(trace),
        "ContactAsItWas": object_of(
            who
            | {"custom_data": FREE, "custom_data_changed_at": changed, "created_at": TIME, "updated_at": TIME}
            | {"as_of": TIME}
        ),
        "ContactChange": object_of(
            change | {"profile": list_of(object_of(value)), "custom_data": list_of(object_of(value))}
        ),
    }
