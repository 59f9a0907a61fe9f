"""What query contributes to the OpenAPI 3.1 document: its paths and the shapes of its answers."""

from __future__ import annotations

from typing import Any, Final

from query import openapi_history as past
from query.api.events import LONGEST_NAME, LONGEST_TEXT
from query.api.overviews import LONGEST_HISTOGRAM
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
from query.sidebar_tokens import LONGEST_LIFETIME

TONES: Final = ("attention", "positive", "neutral")
_ZONE: Final = {"type": "string", "description": "IANA name.", "examples": ["Europe/Berlin"]}
_PLACE: Final = {"type": ["string", "null"], "description": "From which point of the log this is; `after` of a stream."}
_SHOWN_AS: Final = {"type": "string", "description": "The name that events are shown and counted as."}
_HIDDEN: Final = {"type": "boolean", "description": "Agents see it only when they ask for it."}
_EVENT: Final = {"$ref": "#/components/schemas/ContactEvent"}
_CONTACT: Final = {"$ref": "#/components/schemas/ContactProfile"}


def contribution() -> dict[str, Any]:
    """Give paths and component schemas."""
    return {"paths": _paths(), "components": {"schemas": _schemas(), "securitySchemes": _credentials()}}


def _page(of: dict[str, Any]) -> dict[str, Any]:
    return {"data": list_of(of), "next_cursor": CURSOR, "prev_cursor": CURSOR}


def _credentials() -> dict[str, Any]:
    return {
        "sidebar_token": {"type": "http", "scheme": "bearer", "description": "Shows one contact for ten minutes."},
        "agent_session": {"type": "apiKey", "in": "cookie", "name": "contact_events_session"},
    }


def _schemas() -> dict[str, Any]:
    times = {"occurred_at": TIME, "received_at": TIME}
    late = {"type": "boolean", "description": "Received more than 24 hours after it occurred."}
    who = {"id": NUMBER, "external_id": TEXT, "email": MAYBE_TEXT, "name": MAYBE_TEXT}
    totals = {"event_count": NUMBER, "first_event_at": MAYBE_TIME, "last_event_at": MAYBE_TIME}
    changed = {"type": "object", "additionalProperties": TIME, "description": "When each key last changed."}
    told = {"count": NUMBER, "first_occurred_at": TIME, "last_occurred_at": TIME}
    per_name = {"name": TEXT, "shown_as": _SHOWN_AS, "hidden": _HIDDEN} | told
    per_shown = {"name": _SHOWN_AS, "recorded_names": list_of(TEXT)} | told
    per_shown |= {"pinned": {"type": "boolean"}, "hidden": _HIDDEN}
    names = {"type": "object", "additionalProperties": NUMBER}
    day = object_of({"day": {"type": "string", "format": "date"}, "count": NUMBER, "names": names})
    histogram = {"time_zone": _ZONE, "from": TIME, "before": TIME, "counted_back_to": MAYBE_TIME, "days": list_of(day)}
    shown = {"description": MAYBE_TEXT, "alias": MAYBE_TEXT, "hidden": {"type": "boolean"}}
    shown |= {"pinned": {"type": "boolean"}, "template": MAYBE_TEXT}
    shown |= {"archived": {"type": "boolean"}, "tone": {"type": ["string", "null"], "enum": [*TONES, None]}}
    shown |= {"shown_as": _SHOWN_AS}
    seen = {"name": TEXT, "count": NUMBER, "first_received_at": MAYBE_TIME, "last_received_at": MAYBE_TIME}
    size = {"type": ["integer", "null"], "description": "Bytes of an event's properties."}
    near = {"type": "array", "items": TEXT, "description": "Other names that may be meant to be this one."}
    typed = {"type": TEXT, "count": NUMBER, "first_received_at": TIME, "last_received_at": TIME}
    properties = list_of(object_of({"name": TEXT, "types": list_of(object_of(typed))}))
    others = {"type": "integer", "description": "Properties counted and not itemised: there are too many of them."}
    seen |= {"smallest_bytes": size, "largest_bytes": size, "near": near}
    seen |= {"properties": properties, "other_properties": others}
    return {
        "ContactEvent": object_of(
            {"id": TEXT, "contact_id": NUMBER, "name": TEXT, "shown_as": _SHOWN_AS, "hidden": _HIDDEN}
            | times
            | {"late": late, "properties": FREE}
        ),
        "ContactProfile": object_of(
            who
            | {"custom_data": FREE, "custom_data_changed_at": changed, "created_at": TIME, "updated_at": TIME}
            | totals
        ),
        "ContactLine": object_of(who | {"last_event_name": MAYBE_TEXT, "last_event_at": MAYBE_TIME}),
        "EventSummary": object_of(
            {"data": list_of(object_of(per_name)), "shown": list_of(object_of(per_shown)), "total": NUMBER}
            | {"histogram": object_of(histogram), "position": _PLACE}
        ),
        "EventName": object_of(seen | shown),
        **_delivery_schemas(),
        "Conversation": object_of({"id": TEXT, "started_at": TIME}),
    } | past.schemas()


def _delivery_schemas() -> dict[str, Any]:
    wrong = {"code": TEXT, "pointer": {"type": "string", "description": "Of the first fault. Cut when very long."}}
    altered = {"type": "boolean", "description": "The name itself was wrong: it is cut, or partly replaced."}
    item = {"type": ["integer", "null"], "description": "Its place in the batch, from 0; null for a whole request."}
    who = {"endpoint": TEXT, "key_id": TEXT, "request_id": TEXT}
    copy = {"kind": {"enum": ["duplicate", "conflict"]}, "type": TEXT, "contact_id": {"type": ["integer", "null"]}}
    return {
        "Rejection": object_of(
            {"rejected_at": TIME, "status": {"type": "integer", "description": "Of an item: as if it came alone."}}
            | wrong
            | {"faults": NUMBER, "name": MAYBE_TEXT, "name_altered": altered, "item": item}
            | who
        ),
        "RejectionCounts": object_of(
            {"from": TIME, "before": TIME, "total": NUMBER}
            | {"not_kept": {"type": "integer", "description": "Of so many there are counts alone, and no details."}}
            | {"by_code": list_of(object_of({"code": TEXT, "count": NUMBER}))}
            | {"by_name": list_of(object_of({"name": TEXT, "count": NUMBER}))}
            | {"unnamed": NUMBER, "other_names": NUMBER}
        ),
        "RecordCopies": object_of(
            {"duplicates": NUMBER, "conflicts": NUMBER, "counted_back_to": MAYBE_TIME}
            | {"newest": list_of(object_of(copy | {"id": TEXT, "name": MAYBE_TEXT, "received_at": TIME}))}
        ),
    }


_POSITION: Final = parameter("position", "Wait up to two seconds until the answer includes this; else 503.")
_PAGED: Final = [
    parameter("cursor", "`next_cursor` or `prev_cursor` of an earlier answer."),
    parameter(
        "limit",
        "How many at most.",
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 200}, {"const": ""}], "default": 50},
    ),
]
_INCLUDE_HIDDEN: Final = parameter(
    "include_hidden",
    "Whether events of hidden names are among them. When left out: for a key, and for no agent.",
    {"anyOf": [{"type": "boolean"}, {"const": ""}]},
)
_NAMES: Final = parameter(
    "name",
    "Only events of this name, or shown as this name; may be repeated.",
    {"type": "array", "items": TEXT},
)
_NAMES["schema"] |= {"maxItems": MOST_NAMES}
_RANGE: Final = [
    parameter("from", "Only what occurred then or later.", ASKED_TIME),
    parameter("before", "Only what occurred earlier.", ASKED_TIME),
]
_FILTERS: Final = [
    _NAMES,
    parameter("name_prefix", "Only names that begin so.", {"type": "string", "maxLength": LONGEST_NAME}),
    *_RANGE,
    parameter("text", "Only events with this in name or properties.", {"type": "string", "maxLength": LONGEST_TEXT}),
    _INCLUDE_HIDDEN,
]
_CONTACT_ID: Final = {"name": "contact_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_EVENT_ID: Final = {"name": "event_id", "in": "path", "required": True, "schema": TEXT}


def _get(summary: str, answer: dict[str, Any], parameters: list[Any], content_type: str = "application/json") -> Any:  # noqa: ANN401
    """Describe a read. Every one takes a position, and is open to an agent's session beside a key."""
    security: list[dict[str, list[str]]] = [{"api_key": []}, {"agent_session": []}]
    if _CONTACT_ID in parameters:
        security.append({"sidebar_token": []})
    return {
        "get": {
            "summary": summary,
            "security": security,
            "parameters": [*parameters, _POSITION],
            "responses": {
                "200": {"description": "The answer.", "content": {content_type: {"schema": answer}}},
                "default": {"$ref": "#/components/responses/Problem"},
            },
        }
    }


def _paths() -> dict[str, Any]:
    of = "/api/v1/contacts/{contact_id}"
    searched = {
        "type": ["string", "null"],
        "description": "With `text`: nothing older was looked at; go on with the cursor.",
    }
    conversation = [
        parameter("conversation_id", "Of the conversation."),
        parameter("conversation_started_at", "Its start.", ASKED_TIME),
        _INCLUDE_HIDDEN,
    ]
    sidebar = {
        "contact": _CONTACT,
        "conversation": {"anyOf": [{"$ref": "#/components/schemas/Conversation"}, {"type": "null"}]},
        "before_conversation": {"type": ["array", "null"], "items": _EVENT},
        "events": list_of(_EVENT),
        "position": _PLACE,
    }
    events = object_of(_page(_EVENT) | {"position": _PLACE})
    events["properties"]["searched_back_to"] = searched
    summary = [
        _CONTACT_ID,
        _NAMES,
        *_RANGE,
        parameter("time_zone", "Whose days are counted; UTC when left out.", _ZONE),
        _INCLUDE_HIDDEN,
    ]
    after = parameter("after", "`position` of an answer: nothing since then is missed.")
    stream = [_CONTACT_ID, after, _INCLUDE_HIDDEN]
    return {
        "/api/v1/contacts": _get(
            "List contacts, the newest first, or search them",
            past.CONTACTS,
            [
                parameter("query", "Words; each begins a word of name, email or external id. Or an id."),
                *past.CONTACT_FILTERS,
                *_PAGED,
            ],
        ),
        of: _get("Read a contact's profile and custom data", past.PROFILE, [_CONTACT_ID, past.AS_OF]),
        f"{of}/changes": _get(
            "Read what changed in profile and custom data, newest first",
            past.CHANGES,
            [_CONTACT_ID, *_PAGED],
        ),
        f"{of}/events": _get("Read a timeline, newest first", events, [_CONTACT_ID, *_FILTERS, *_PAGED]),
        f"{of}/events/{{event_id}}": _get("Read one event", _EVENT, [_CONTACT_ID, _EVENT_ID]),
        f"{of}/events/{{event_id}}/trace": _get(
            "Read an event's way: log, projection, copies. 410 `event_erased`", past.TRACE, [_CONTACT_ID, _EVENT_ID]
        ),
        f"{of}/event-summary": _get(
            f"Count per name, and per day of at most {LONGEST_HISTOGRAM} days",
            {"$ref": "#/components/schemas/EventSummary"},
            summary,
        ),
        f"{of}/event-export": _export(),
        f"{of}/event-stream": _get("Watch a timeline: server-sent events", TEXT, stream, "text/event-stream"),
        f"{of}/sidebar": _get("Read all that a sidebar shows", object_of(sidebar), [_CONTACT_ID, *conversation]),
        "/api/v1/event-names": _get(
            "List the workspace's event names",
            object_of(_page({"$ref": "#/components/schemas/EventName"})),
            [parameter("name", "Only this name and those that are shown as it.", TEXT | {"maxLength": LONGEST_NAME})],
        ),
        "/api/v1/deliveries": _deliveries(),
        "/api/v1/sidebar-tokens": {"post": _minting()},
    }


def _export() -> dict[str, Any]:
    formats = {"enum": ["ndjson", "csv"], "default": "ndjson"}
    described: dict[str, Any] = _get(
        "Read all events that fit: NDJSON, an event a line, or CSV for a spreadsheet",
        _EVENT,
        [
            _CONTACT_ID,
            *_FILTERS,
            parameter("format", "`csv`: with a byte order mark, a column for each property.", formats),
            parameter("time_zone", "In which a CSV tells times; UTC when left out.", _ZONE),
        ],
        "application/x-ndjson",
    )
    described["get"]["responses"]["200"]["content"]["text/csv"] = {"schema": TEXT}
    return described


def _deliveries() -> dict[str, Any]:
    counts, found = ({"$ref": f"#/components/schemas/{name}"} for name in ("RejectionCounts", "RecordCopies"))
    several = {"type": "array", "items": TEXT, "maxItems": MOST_NAMES}
    parameters = [
        parameter("from", "Only what was refused then or later; a day before `before` when left out.", ASKED_TIME),
        parameter("before", "Only what was refused earlier; now when left out.", ASKED_TIME),
        parameter("code", "Only rejections with this code; may be repeated.", several),
        parameter("name", "Only rejections of events of this name; may be repeated.", several),
    ]
    rejections = _page({"$ref": "#/components/schemas/Rejection"})
    described: dict[str, Any] = _get(
        "Read what was refused, newest first, with counts, duplicates and conflicts",
        object_of(rejections | {"counts": counts, "copies": found}),
        [*parameters, *_PAGED],
    )
    return described


def _minting() -> dict[str, Any]:
    seconds = {"type": "integer", "minimum": 1, "maximum": int(LONGEST_LIFETIME.total_seconds())}
    body: dict[str, Any] = {"contact_id": NUMBER, "conversation": {"$ref": "#/components/schemas/Conversation"}}
    body |= {"time_zone": _ZONE, "expires_in": seconds}
    schema = {"type": "object", "properties": body, "required": ["contact_id"], "additionalProperties": False}
    minted = object_of({"token": TEXT, "expires_at": TIME, "url": TEXT})
    return {
        "summary": "Mint a sidebar token for one contact",
        "security": [{"api_key": []}],
        "parameters": [_POSITION],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "201": {"description": "Minted.", "content": {"application/json": {"schema": minted}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
