"""What query contributes to the OpenAPI 3.1 document: its paths and the shapes of its answers."""

from __future__ import annotations

from typing import Any, Final

from query import openapi_history as past
from query.api.events import LONGEST_NAME, LONGEST_TEXT
from query.api.overviews import LONGEST_HISTOGRAM
from query.parameters import MOST_NAMES
from query.sidebar_tokens import LONGEST_LIFETIME

TONES: Final = ("attention", "positive", "neutral")
_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_ASKED_TIME: Final = {"anyOf": [_TIME, {"const": ""}]}
"""As a parameter: a form sends one that nobody filled in as an empty text, which counts as left out."""
_NUMBER: Final = {"type": "integer"}
_FREE: Final = {"type": "object", "description": "As it was sent: numbers keep how they were written."}
_ZONE: Final = {"type": "string", "description": "IANA name.", "examples": ["Europe/Berlin"]}
_CURSOR: Final = {"type": ["string", "null"], "description": "Opaque. Null when there is no further page."}
_PLACE: Final = {"type": ["string", "null"], "description": "From which point of the log this is; `after` of a stream."}
_SHOWN_AS: Final = {"type": "string", "description": "The name that events are shown and counted as."}
_HIDDEN: Final = {"type": "boolean", "description": "Agents see it only when they ask for it."}
_EVENT: Final = {"$ref": "#/components/schemas/ContactEvent"}
_CONTACT: Final = {"$ref": "#/components/schemas/ContactProfile"}


def contribution() -> dict[str, Any]:
    """Give paths and component schemas."""
    return {"paths": _paths(), "components": {"schemas": _schemas(), "securitySchemes": _credentials()}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _page(of: dict[str, Any]) -> dict[str, Any]:
    return {"data": _list(of), "next_cursor": _CURSOR, "prev_cursor": _CURSOR}


def _credentials() -> dict[str, Any]:
    return {
        "sidebar_token": {"type": "http", "scheme": "bearer", "description": "Shows one contact for ten minutes."},
        "agent_session": {"type": "apiKey", "in": "cookie", "name": "contact_events_session"},
    }


def _schemas() -> dict[str, Any]:
    times = {"occurred_at": _TIME, "received_at": _TIME}
    late = {"type": "boolean", "description": "Received more than 24 hours after it occurred."}
    who = {"id": _NUMBER, "external_id": _TEXT, "email": _MAYBE_TEXT, "name": _MAYBE_TEXT}
    totals = {"event_count": _NUMBER, "first_event_at": _MAYBE_TIME, "last_event_at": _MAYBE_TIME}
    changed = {"type": "object", "additionalProperties": _TIME, "description": "When each key last changed."}
    told = {"count": _NUMBER, "first_occurred_at": _TIME, "last_occurred_at": _TIME}
    per_name = {"name": _TEXT, "shown_as": _SHOWN_AS, "hidden": _HIDDEN} | told
    per_shown = {"name": _SHOWN_AS, "recorded_names": _list(_TEXT)} | told
    per_shown |= {"pinned": {"type": "boolean"}, "hidden": _HIDDEN}
    names = {"type": "object", "additionalProperties": _NUMBER}
    day = _object({"day": {"type": "string", "format": "date"}, "count": _NUMBER, "names": names})
    histogram = {"time_zone": _ZONE, "from": _TIME, "before": _TIME, "counted_back_to": _MAYBE_TIME, "days": _list(day)}
    shown = {"description": _MAYBE_TEXT, "alias": _MAYBE_TEXT, "hidden": {"type": "boolean"}}
    shown |= {"pinned": {"type": "boolean"}, "template": _MAYBE_TEXT}
    shown |= {"archived": {"type": "boolean"}, "tone": {"type": ["string", "null"], "enum": [*TONES, None]}}
    shown |= {"shown_as": _SHOWN_AS}
    seen = {"name": _TEXT, "count": _NUMBER, "first_received_at": _MAYBE_TIME, "last_received_at": _MAYBE_TIME}
    size = {"type": ["integer", "null"], "description": "Bytes of an event's properties."}
    near = {"type": "array", "items": _TEXT, "description": "Other names that may be meant to be this one."}
    typed = {"type": _TEXT, "count": _NUMBER, "first_received_at": _TIME, "last_received_at": _TIME}
    properties = _list(_object({"name": _TEXT, "types": _list(_object(typed))}))
    others = {"type": "integer", "description": "Properties counted and not itemised: there are too many of them."}
    seen |= {"smallest_bytes": size, "largest_bytes": size, "near": near}
    seen |= {"properties": properties, "other_properties": others}
    return {
        "ContactEvent": _object(
            {"id": _TEXT, "contact_id": _NUMBER, "name": _TEXT, "shown_as": _SHOWN_AS, "hidden": _HIDDEN}
            | times
            | {"late": late, "properties": _FREE}
        ),
        "ContactProfile": _object(
            who
            | {"custom_data": _FREE, "custom_data_changed_at": changed, "created_at": _TIME, "updated_at": _TIME}
            | totals
        ),
        "ContactLine": _object(who | {"last_event_name": _MAYBE_TEXT, "last_event_at": _MAYBE_TIME}),
        "EventSummary": _object(
            {"data": _list(_object(per_name)), "shown": _list(_object(per_shown)), "total": _NUMBER}
            | {"histogram": _object(histogram), "position": _PLACE}
        ),
        "EventName": _object(seen | shown),
        **_delivery_schemas(),
        "Conversation": _object({"id": _TEXT, "started_at": _TIME}),
    } | past.schemas()


def _delivery_schemas() -> dict[str, Any]:
    wrong = {"code": _TEXT, "pointer": {"type": "string", "description": "Of the first fault. Cut when very long."}}
    altered = {"type": "boolean", "description": "The name itself was wrong: it is cut, or partly replaced."}
    item = {"type": ["integer", "null"], "description": "Its place in the batch, from 0; null for a whole request."}
    who = {"endpoint": _TEXT, "key_id": _TEXT, "request_id": _TEXT}
    copy = {"kind": {"enum": ["duplicate", "conflict"]}, "type": _TEXT, "contact_id": {"type": ["integer", "null"]}}
    return {
        "Rejection": _object(
            {"rejected_at": _TIME, "status": {"type": "integer", "description": "Of an item: as if it came alone."}}
            | wrong
            | {"faults": _NUMBER, "name": _MAYBE_TEXT, "name_altered": altered, "item": item}
            | who
        ),
        "RejectionCounts": _object(
            {"from": _TIME, "before": _TIME, "total": _NUMBER}
            | {"not_kept": {"type": "integer", "description": "Of so many there are counts alone, and no details."}}
            | {"by_code": _list(_object({"code": _TEXT, "count": _NUMBER}))}
            | {"by_name": _list(_object({"name": _TEXT, "count": _NUMBER}))}
            | {"unnamed": _NUMBER, "other_names": _NUMBER}
        ),
        "RecordCopies": _object(
            {"duplicates": _NUMBER, "conflicts": _NUMBER, "counted_back_to": _MAYBE_TIME}
            | {"newest": _list(_object(copy | {"id": _TEXT, "name": _MAYBE_TEXT, "received_at": _TIME}))}
        ),
    }


def _parameter(name: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema or _TEXT}


_POSITION: Final = _parameter("position", "Wait up to two seconds until the answer includes this; else 503.")
_PAGED: Final = [
    _parameter("cursor", "`next_cursor` or `prev_cursor` of an earlier answer."),
    _parameter(
        "limit",
        "How many at most.",
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 200}, {"const": ""}], "default": 50},
    ),
]
_INCLUDE_HIDDEN: Final = _parameter(
    "include_hidden",
    "Whether events of hidden names are among them. When left out: for a key, and for no agent.",
    {"anyOf": [{"type": "boolean"}, {"const": ""}]},
)
_NAMES: Final = _parameter(
    "name",
    "Only events of this name, or shown as this name; may be repeated.",
    {"type": "array", "items": _TEXT},
)
_NAMES["schema"] |= {"maxItems": MOST_NAMES}
_RANGE: Final = [
    _parameter("from", "Only what occurred then or later.", _ASKED_TIME),
    _parameter("before", "Only what occurred earlier.", _ASKED_TIME),
]
_FILTERS: Final = [
    _NAMES,
    _parameter("name_prefix", "Only names that begin so.", {"type": "string", "maxLength": LONGEST_NAME}),
    *_RANGE,
    _parameter("text", "Only events with this in name or properties.", {"type": "string", "maxLength": LONGEST_TEXT}),
    _INCLUDE_HIDDEN,
]
_CONTACT_ID: Final = {"name": "contact_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_EVENT_ID: Final = {"name": "event_id", "in": "path", "required": True, "schema": _TEXT}


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
        _parameter("conversation_id", "Of the conversation."),
        _parameter("conversation_started_at", "Its start.", _ASKED_TIME),
        _INCLUDE_HIDDEN,
    ]
    sidebar = {
        "contact": _CONTACT,
        "conversation": {"anyOf": [{"$ref": "#/components/schemas/Conversation"}, {"type": "null"}]},
        "before_conversation": {"type": ["array", "null"], "items": _EVENT},
        "events": _list(_EVENT),
        "position": _PLACE,
    }
    events = _object(_page(_EVENT) | {"position": _PLACE})
    events["properties"]["searched_back_to"] = searched
    summary = [
        _CONTACT_ID,
        _NAMES,
        *_RANGE,
        _parameter("time_zone", "Whose days are counted; UTC when left out.", _ZONE),
        _INCLUDE_HIDDEN,
    ]
    after = _parameter("after", "`position` of an answer: nothing since then is missed.")
    stream = [_CONTACT_ID, after, _INCLUDE_HIDDEN]
    return {
        "/api/v1/contacts": _get(
            "List contacts, the newest first, or search them",
            past.CONTACTS,
            [
                _parameter("query", "Words; each begins a word of name, email or external id. Or an id."),
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
        f"{of}/event-stream": _get("Watch a timeline: server-sent events", _TEXT, stream, "text/event-stream"),
        f"{of}/sidebar": _get("Read all that a sidebar shows", _object(sidebar), [_CONTACT_ID, *conversation]),
        "/api/v1/event-names": _get(
            "List the workspace's event names",
            _object(_page({"$ref": "#/components/schemas/EventName"})),
            [_parameter("name", "Only this name and those that are shown as it.", _TEXT | {"maxLength": LONGEST_NAME})],
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
            _parameter("format", "`csv`: with a byte order mark, a column for each property.", formats),
            _parameter("time_zone", "In which a CSV tells times; UTC when left out.", _ZONE),
        ],
        "application/x-ndjson",
    )
    described["get"]["responses"]["200"]["content"]["text/csv"] = {"schema": _TEXT}
    return described


def _deliveries() -> dict[str, Any]:
    counts, found = ({"$ref": f"#/components/schemas/{name}"} for name in ("RejectionCounts", "RecordCopies"))
    several = {"type": "array", "items": _TEXT, "maxItems": MOST_NAMES}
    parameters = [
        _parameter("from", "Only what was refused then or later; a day before `before` when left out.", _ASKED_TIME),
        _parameter("before", "Only what was refused earlier; now when left out.", _ASKED_TIME),
        _parameter("code", "Only rejections with this code; may be repeated.", several),
        _parameter("name", "Only rejections of events of this name; may be repeated.", several),
    ]
    rejections = _page({"$ref": "#/components/schemas/Rejection"})
    described: dict[str, Any] = _get(
        "Read what was refused, newest first, with counts, duplicates and conflicts",
        _object(rejections | {"counts": counts, "copies": found}),
        [*parameters, *_PAGED],
    )
    return described


def _minting() -> dict[str, Any]:
    seconds = {"type": "integer", "minimum": 1, "maximum": int(LONGEST_LIFETIME.total_seconds())}
    body: dict[str, Any] = {"contact_id": _NUMBER, "conversation": {"$ref": "#/components/schemas/Conversation"}}
    body |= {"time_zone": _ZONE, "expires_in": seconds}
    schema = {"type": "object", "properties": body, "required": ["contact_id"], "additionalProperties": False}
    minted = _object({"token": _TEXT, "expires_at": _TIME, "url": _TEXT})
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
