"""What ingest contributes to the OpenAPI 3.1 document: its paths, and schemas made from the rules themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.advice import WARNING_CODES
from ingest.answers import SEND_AGAIN
from ingest.batches import MAX_ITEMS
from ingest.fields import EVENT_ID, NAME_LENGTH, VISIBLE, Strict
from ingest.name_rules import EventNameChange
from ingest.rules import BatchEvent, Contact, ContactChange, Event
from runtime.authentication import utc_now

if TYPE_CHECKING:
    from ingest.rules import Rules

RULES: Final = (Event, BatchEvent, Contact, ContactChange, EventNameChange)
EXAMPLE_EVENT: Final = {
    "id": "evt-2026-06-07-0001",
    "name": "plan_upgraded",
    "occurred_at": "2026-06-07T10:30:00Z",
    "properties": {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50},
}
EXAMPLE_CONTACT: Final = {
    "external_id": "shop-48213",
    "email": "ada@example.com",
    "name": "Ada's Teas",
    "custom_data": {"plan": "starter", "order_count": 42},
}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Event": EXAMPLE_EVENT,
    "BatchEvent": {"contact_id": 17} | EXAMPLE_EVENT,
    "Contact": EXAMPLE_CONTACT,
    "ContactChange": {"custom_data": {"plan": "pro", "trial_ends_on": None}},
    "EventNameChange": {
        "description": "The shop moved to a larger plan.",
        "alias": "Plan upgraded",
        "tone": "positive",
        "template": "{from_plan} → {to_plan}",
    },
}
POSITION: Final = {
    "type": ["string", "null"],
    "description": "Where in the log this stands. A read given `?position=` answers only once it includes it.",
}
_ID = {"type": "string", "pattern": f"^{EVENT_ID.pattern}$"}
_NAME: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The event's name, percent-encoded (a slash in it as %2F).",
    "schema": {"type": "string", "maxLength": NAME_LENGTH, "pattern": VISIBLE},
}
_WARNINGS = {"type": "array", "items": {"$ref": "#/components/schemas/Warning"}}


def contribution() -> dict[str, Any]:
    """Give paths and component schemas."""
    return {"paths": _paths(), "components": {"schemas": _schemas()}}


def rules_schema(rules: type[Rules]) -> dict[str, Any]:
    """Write a body's rules as JSON Schema."""
    fields = {name: field for name, field in rules(utc_now).fields.items() if isinstance(field, Strict)}
    schema = {
        "type": "object",
        "description": (rules.__doc__ or "").strip(),
        "properties": {name: field.described() for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
        "examples": [EXAMPLES[rules.__name__]],
    }
    if rules is BatchEvent:
        schema["oneOf"] = [{"required": ["contact_id"]}, {"required": ["external_id"]}]
    if rules is ContactChange:
        patch = {"required": ["custom_data"], "properties": {"custom_data": {"type": "object"}}}
        schema["anyOf"] = [{"required": ["email"]}, {"required": ["name"]}, patch]
    if rules is EventNameChange:
        schema["minProperties"] = 1
    return schema


def _schemas() -> dict[str, Any]:
    return {rules.__name__: rules_schema(rules) for rules in RULES} | {
        "Warning": _object(
            {
                "code": {"type": "string", "x-codes": WARNING_CODES},
                "pointer": {"type": "string"},
                "message": {"type": "string"},
            }
            | {"suggestion": {"type": "string"}},
            ["code", "pointer", "message"],
        ),
        "EventAccepted": _object(
            {"id": _ID, "position": POSITION, "warnings": _WARNINGS, "dry_run": {"const": True}},
            ["id", "position", "warnings"],
        ),
        "ContactWritten": _object(
            {"id": {"type": ["integer", "null"]}, "external_id": {"type": "string"}, "created": {"type": "boolean"}}
            | {"update_id": _ID, "position": POSITION, "warnings": _WARNINGS, "dry_run": {"const": True}},
            ["id", "external_id", "created", "update_id", "position", "warnings"],
        ),
        "ContactChanged": _object(
            {"id": {"type": "integer"}, "update_id": _ID, "position": POSITION, "dry_run": {"const": True}},
            ["id", "update_id", "position"],
        ),
        "EventNameChanged": _object(
            {"name": {"type": "string"}, "update_id": _ID, "position": POSITION, "warnings": _WARNINGS}
            | {"dry_run": {"const": True}},
            ["name", "update_id", "position", "warnings"],
        ),
        "Erased": _object(
            {"id": {"type": ["integer", "string"]}, "update_id": _ID, "position": POSITION},
            ["id", "update_id", "position"],
        ),
        "BatchAnswer": _object(
            {each: {"type": "integer"} for each in ("accepted", "rejected", "unknown")}
            | {"items": {"type": "array", "items": {"$ref": "#/components/schemas/BatchItem"}}}
            | {"dry_run": {"const": True}},
            ["accepted", "rejected", "unknown", "items"],
        ),
        "BatchItem": _object(
            {
                "status": {"enum": ["accepted", "rejected", "unknown", "ignored"]},
                "id": {"type": ["string", "integer", "null"]},
                "position": POSITION,
                "warnings": _WARNINGS,
                "code": {"type": "string"},
                "pointer": {"type": "string"},
                "message": {"type": "string"},
                "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
                "external_id": {"type": "string"},
                "update_id": _ID,
                "created": {"type": "boolean"},
            },
            ["status"],
        ),
    }


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _paths() -> dict[str, Any]:
    contact, event = _parameter("contact_id", "The contact's number."), _parameter("event_id", "The event's id.")
    return {
        "/api/v1/contacts": {
            "post": _operation(
                "Create or find a contact",
                "Creates a contact, or finds it by `external_id` and merges the fields given. " + SEND_AGAIN,
                scope="contacts:write",
                body=_body("Contact"),
                answers={"201": "ContactWritten", "200": "ContactWritten"},
                problems=("400", "409", "413", "415", "422"),
            )
        },
        "/api/v1/contacts/batch": {
            "post": _operation(
                "Create or find many contacts",
                f"1 to {MAX_ITEMS} contacts; each gets an answer of its own, in order.",
                scope="contacts:write",
                body=_batch_body("contacts", "Contact"),
                answers={"202": "BatchAnswer", "207": "BatchAnswer", "200": "BatchAnswer"},
                problems=("400", "413", "415", "422"),
            )
        },
        "/api/v1/contacts/{contact_id}": {
            "patch": _operation(
                "Change a contact",
                "Absent fields stay. `custom_data` is a JSON merge patch (RFC 7396): null removes a key.",
                scope="contacts:write",
                parameters=[contact],
                body=_body("ContactChange"),
                answers={"200": "ContactChanged"},
                problems=("400", "404", "413", "415", "422"),
            ),
            "delete": _operation(
                "Erase a contact",
                "Erases the contact with all its events, from the log too, within the published bound.",
                scope="erase",
                parameters=[contact],
                answers={"202": "Erased"},
                problems=("404", "422"),
            ),
        },
        "/api/v1/contacts/{contact_id}/events": {
            "post": _operation(
                "Record an event",
                "Answers 202 once all in-sync replicas have the event. With an `id` it may be sent again at any time"
                " and still stands on the timeline once.",
                scope="events:write",
                parameters=[contact],
                body=_body("Event"),
                answers={"202": "EventAccepted", "200": "EventAccepted"},
                problems=("400", "404", "413", "415", "422"),
            )
        },
        "/api/v1/contacts/{contact_id}/events/{event_id}": {
            "delete": _operation(
                "Erase an event",
                "Erases one event, whether it has arrived already or is still to come.",
                scope="erase",
                parameters=[contact, event],
                answers={"202": "Erased"},
                problems=("404", "422"),
            )
        },
        "/api/v1/event-names/{name}": {
            "patch": _operation(
                "Change what is known about an event name",
                "Absent fields stay; null takes one away. Shown at read, so the history changes at once, and back.",
                scope="admin",
                parameters=[_NAME],
                body=_body("EventNameChange"),
                answers={"200": "EventNameChanged"},
                problems=("400", "404", "413", "415", "422"),
            )
        },
        "/api/v1/events/batch": {
            "post": _operation(
                "Record many events",
                f"1 to {MAX_ITEMS} events of any contacts; each gets an answer of its own, in order.",
                scope="events:write",
                body=_batch_body("events", "BatchEvent"),
                answers={"202": "BatchAnswer", "207": "BatchAnswer", "200": "BatchAnswer"},
                problems=("400", "413", "415", "422"),
            )
        },
    }


def _parameter(name: str, description: str) -> dict[str, Any]:
    schema: dict[str, Any] = _ID if name == "event_id" else {"type": "integer", "minimum": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _operation(  # noqa: PLR0913 - one argument a part of an operation
    summary: str,
    description: str,
    *,
    scope: str,
    answers: dict[str, str],
    problems: tuple[str, ...],
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    common = []
    if "BatchAnswer" not in answers.values():
        common.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if body is not None:
        common.append({"$ref": "#/components/parameters/DryRun"})
    responses: dict[str, Any] = {
        status: {"description": "Done.", "content": {"application/json": {"schema": _ref(name)}}}
        for status, name in answers.items()
    }
    responses |= {
        status: {"$ref": "#/components/responses/Problem"} for status in (*problems, "401", "403", "405", "429", "503")
    }
    operation = {
        "summary": summary,
        "description": f"{description} Needs the scope `{scope}`.",
        "tags": ["Writing"],
        "security": [{"api_key": []}],
        "parameters": [*(parameters or []), *common],
        "responses": dict(sorted(responses.items())),
    }
    return operation | ({"requestBody": body} if body else {})


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _ref(name)}}}


def _batch_body(member: str, name: str) -> dict[str, Any]:
    anything = {"description": "Each item is judged by itself: anything else is one rejected item."}
    items = {"type": "array", "items": {"anyOf": [_ref(name), anything]}, "minItems": 1, "maxItems": MAX_ITEMS}
    whole = {"type": "object", "properties": {member: items}, "required": [member], "additionalProperties": False}
    lines = {"type": "string", "description": f"One {name} a line."}
    return {
        "required": True,
        "content": {"application/json": {"schema": whole}, "application/x-ndjson": {"schema": lines}},
    }
