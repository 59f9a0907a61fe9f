"""What the Segment door contributes to the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from ingest.batches import MAX_ITEMS
from ingest.segment import KINDS

EXAMPLE: Final = {
    "type": "track",
    "messageId": "0190c0de-7a5b-7000-8000-00000000c0de",
    "userId": "shop-48213",
    "event": "plan_upgraded",
    "timestamp": "2026-06-07T10:30:00Z",
    "properties": {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50},
}
_STATUSES: Final = ("accepted", "ignored", "rejected", "unknown")
_PROBLEMS: Final = ("400", "401", "403", "405", "413", "415", "422", "429", "503")


def contribution() -> dict[str, Any]:
    """Give paths and component schemas."""
    key = {"type": "http", "scheme": "basic", "description": "The API key as the user name; no password."}
    schemas = {"SegmentMessage": _message(), "SegmentAnswer": _answer()}
    return {"paths": _paths(), "components": {"schemas": schemas, "securitySchemes": {"write_key": key}}}


def _paths() -> dict[str, Any]:
    message = {"$ref": "#/components/schemas/SegmentMessage"}
    anything = {"description": "Each message is judged by itself: anything else is one rejected message."}
    batch = {"type": "array", "items": {"anyOf": [message, anything]}, "minItems": 1, "maxItems": MAX_ITEMS}
    members = {"batch": batch, "sentAt": {"type": "string"}, "writeKey": {"type": "string"}}
    whole = {"type": "object", "properties": members, "required": ["batch"]}
    kind = {"name": "kind", "in": "path", "required": True, "schema": {"enum": list(KINDS)}}
    single = "One message, of the type that the path names. " + _KEPT
    return {
        "/v1/batch": {"post": _operation("Take messages of Segment's libraries", _BATCH, whole, [], ())},
        "/v1/{kind}": {"post": _operation("Take one message of Segment's format", single, message, [kind], ("404",))},
    }


_KEPT: Final = (
    "`track` becomes an event of the contact with the `external_id` of `userId`, `identify` makes or changes that one,"
    " the other types are taken and not kept. The same `messageId` again changes nothing."
)
_BATCH: Final = (
    f"1 to {MAX_ITEMS} messages. {_KEPT} 200 when nothing has to be sent again, with an answer for each; 422 when every"
    " one is rejected; 503 while any is unknown: send the whole batch again."
)


def _operation(
    summary: str, description: str, body: dict[str, Any], parameters: list[dict[str, Any]], problems: tuple[str, ...]
) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/SegmentAnswer"}}}
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": content}}
    responses |= {status: {"$ref": "#/components/responses/Problem"} for status in (*_PROBLEMS, *problems)}
    return {
        "summary": summary,
        "description": f"{description} Needs the scopes `events:write` and `contacts:write`.",
        "tags": ["Segment's format"],
        "security": [{"write_key": []}, {"api_key": []}],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": dict(sorted(responses.items())),
    }


def _message() -> dict[str, Any]:
    text = {"type": "string"}
    time = {"type": ["string", "null"], "format": "date-time"}
    properties = {
        "type": {"enum": list(KINDS)},
        "messageId": {"type": ["string", "null"], "description": "The id of the event or of the change."},
        "userId": {"type": ["string", "integer"], "description": "The contact's `external_id`."},
        "event": text | {"description": "The event's name, kept as sent."},
        "properties": {"type": ["object", "null"]},
        "traits": {
            "type": ["object", "null"],
            "description": "`email` and `name` are the contact's; the rest is custom data.",
        },
        "timestamp": time | {"description": "When it happened; else `originalTimestamp`, else `sentAt`."},
    }
    return {"type": "object", "properties": properties, "examples": [EXAMPLE]}


def _answer() -> dict[str, Any]:
    item = {"$ref": "#/components/schemas/BatchItem"}
    counts = {status: {"type": "integer"} for status in _STATUSES}
    properties = {"success": {"type": "boolean"}} | counts | {"items": {"type": "array", "items": item}}
    return {"type": "object", "properties": properties, "required": list(properties)}
