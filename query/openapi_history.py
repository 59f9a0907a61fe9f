"""What query says in the OpenAPI document about the past: contacts as they were, changes, filters, traces."""

from __future__ import annotations

from typing import Any, Final

from query.api.events import LONGEST_NAME
from query.contact_filters import LONGEST_VALUE, MOST_KEYS, MOST_MATCHES, STRETCH
from query.history import LOOKED_BACK
from query.parameters import MOST_NAMES

_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_ASKED_TIME: Final = {"anyOf": [_TIME, {"const": ""}]}
"""As a parameter: a form sends one that nobody filled in as an empty text, which counts as left out."""
_NUMBER: Final = {"type": "integer"}
_FREE: Final = {"type": "object", "description": "As it was sent: numbers keep how they were written."}
_CURSOR: Final = {"type": ["string", "null"], "description": "Opaque. Null when there is no further page."}

PROFILE: Final = {
    "anyOf": [{"$ref": "#/components/schemas/ContactProfile"}, {"$ref": "#/components/schemas/ContactAsItWas"}],
    "description": "The second with `as_of`.",
}
AS_OF: Final = {
    "name": "as_of",
    "in": "query",
    "description": "Profile and custom data as they were then. 404 `contact_not_created_yet` before the contact.",
    "schema": _ASKED_TIME,
}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_CHANGE: Final = {"$ref": "#/components/schemas/ContactChange"}
_LINE: Final = {"$ref": "#/components/schemas/ContactLine"}
_PAGE: Final = {"next_cursor": _CURSOR, "prev_cursor": _CURSOR}
CHANGES: Final = _object({"data": _list(_CHANGE)} | _PAGE | {"position": _MAYBE_TEXT})

CONTACTS: Final[dict[str, Any]] = _object({"data": _list(_LINE)} | _PAGE)
CONTACTS["properties"]["searched_back_to"] = _MAYBE_TIME | {
    "description": "With a filter: contacts created before it were not looked at; go on with the cursor."
}

_NAMES: Final = {"type": "array", "items": {"type": "string", "maxLength": LONGEST_NAME}, "maxItems": MOST_NAMES}
CONTACT_FILTERS: Final[list[dict[str, Any]]] = [
    {
        "name": "custom_data.plan",
        "in": "query",
        "description": (
            "`plan` stands for any key: only contacts with this value in their custom data; several keys (at most "
            f"{MOST_KEYS}) all have to fit. `42` and `4.2e1` are one number, `true` and `false` booleans, all else "
            'strings; write `"42"` for the string. '
            f"A page looks at {STRETCH:,} contacts at most; with `query`, at its {MOST_MATCHES} best matches."
        ),
        "schema": {"type": "string", "maxLength": LONGEST_VALUE},
    },
    {
        "name": "has_event",
        "in": "query",
        "description": "Only contacts to whom an event of this name happened, since `since` where that is given.",
        "schema": _NAMES,
    },
    {
        "name": "has_no_event",
        "in": "query",
        "description": "Only contacts to whom no event of this name happened, since `since` where that is given.",
        "schema": _NAMES,
    },
    {"name": "since", "in": "query", "description": "From when on events count.", "schema": _ASKED_TIME},
]


TRACE: Final = {"$ref": "#/components/schemas/EventTrace"}


def schemas() -> dict[str, Any]:
    """Give the component schemas."""
    changed = {"type": "object", "additionalProperties": _TIME, "description": "When each key got its value."}
    who = {"id": _NUMBER, "external_id": _TEXT, "email": _MAYBE_TEXT, "name": _MAYBE_TEXT}
    known = {
        "type": "boolean",
        "description": f"False when the value before was set more than {LOOKED_BACK:,} changes earlier.",
    }
    value: dict[str, Any] = {"key": _TEXT, "before": {}, "after": {}, "before_known": known}
    kind = {"enum": ["created", "updated"]}
    change = {"id": _TEXT, "contact_id": _NUMBER, "kind": kind, "received_at": _TIME}
    place = _object({"partition": _NUMBER, "offset": _NUMBER, "record_id": _MAYBE_TEXT})
    maybe_place = {"anyOf": [place, {"type": "null"}]}
    copy: dict[str, Any] = {"kind": {"enum": ["duplicate", "conflict"]}, "received_at": _TIME, "log": place}
    copy["content"] = {"description": "What a conflict said: another content under the same id. Null of a duplicate."}
    aside = {"kind": {"enum": ["dead_letter", "unknown_type"]}, "reason": _TEXT, "logged_at": _TIME, "log": place}
    projected = {"description": "To the second. Null once it is no longer kept."} | _MAYBE_TIME
    trace = {"id": _TEXT, "contact_id": _NUMBER, "status": {"enum": ["on_timeline", "set_aside"]}}
    trace |= {"name": _MAYBE_TEXT, "occurred_at": _MAYBE_TIME, "received_at": _MAYBE_TIME, "projected_at": projected}
    trace |= {"log": maybe_place, "position": _MAYBE_TEXT, "copies": _list(_object(copy))}
    trace |= {"more_copies": {"type": "boolean"}, "set_aside": _list(_object(aside))}
    return {
        "EventTrace": _object(trace),
        "ContactAsItWas": _object(
            who
            | {"custom_data": _FREE, "custom_data_changed_at": changed, "created_at": _TIME, "updated_at": _TIME}
            | {"as_of": _TIME}
        ),
        "ContactChange": _object(change | {"profile": _list(_object(value)), "custom_data": _list(_object(value))}),
    }
