"""The topic's description for programs: an AsyncAPI 3 document, made of what the code itself uses.

https://www.asyncapi.com/docs/reference/specification/v3.0.0, Kafka bindings 0.5.0. Payloads are references to
`record_types/` beside the document, so that it is right wherever both are served or copied together.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from schemas.record_classes import EVENT_NAME_CHANGED, HEADERS, LOG_MARK, LOG_MARK_KEY, TYPES
from schemas.topic import DEFAULT_PARTITIONS, TOPIC_SETTINGS

if TYPE_CHECKING:
    from schemas.published import Published

FILE: Final = "asyncapi.json"
"""Its name in `schemas/`."""

BINDING: Final = {"bindingVersion": "0.5.0"}

DESCRIPTION: Final = """\
Every change to a contact or its timeline is a record here. CloudEvents 1.0 in structured JSON. The topic holds every \
workspace: filter on `source`. All records of one contact stand in one partition, in order. Delivery is at least once: \
copies have the same `source`, `subject` and `id`; the first counts. A record without a value is a tombstone: what had \
its key was erased. Ignore fields and types that you do not know. docs/topic.md says the same for people."""

_ID: Final = "[1-9][0-9]{0,17}"
_RECORD_ID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def document_text(published: Published) -> str:
    """Write the document."""
    return json.dumps(document(published), indent=1, ensure_ascii=False) + "\n"


def document(published: Published) -> dict[str, Any]:
    """Assemble the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Contact Events: the topic", "version": "1", "description": DESCRIPTION},
        "defaultContentType": HEADERS[0][1].decode(),
        "channels": {"contact-events": _channel()},
        "operations": {
            "read": {
                "action": "receive",
                "channel": {"$ref": "#/channels/contact-events"},
                "summary": "Read from the beginning, or from where you stopped; keep your own position.",
            }
        },
        "components": {
            "messages": {type_: _message(type_, published) for type_ in TYPES},
            "schemas": {type_: {"$ref": f"record_types/{type_}.json"} for type_ in TYPES},
        },
    }


def _channel() -> dict[str, Any]:
    configuration = {
        "cleanup.policy": [TOPIC_SETTINGS["cleanup.policy"]],
        "delete.retention.ms": int(TOPIC_SETTINGS["delete.retention.ms"]),
        "max.message.bytes": int(TOPIC_SETTINGS["max.message.bytes"]),
    }
    return {
        "address": "contact-events",
        "title": "The topic",
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in TYPES},
        "bindings": {
            "kafka": {"partitions": DEFAULT_PARTITIONS, "topicConfiguration": configuration} | BINDING,
        },
        "x-topic-settings": TOPIC_SETTINGS,
        "x-partitioning": {"$ref": "partitioning.json"},
    }


def _message(type_: str, published: Published) -> dict[str, Any]:
    schema = published.current(type_)
    header, value = HEADERS[0]
    return {
        "name": type_,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": value.decode(),
        "headers": {
            "type": "object",
            "properties": {header: {"const": value.decode()}},
            "required": [header],
        },
        "payload": {"$ref": f"#/components/schemas/{type_}"},
        "bindings": {"kafka": {"key": _key(type_)} | BINDING},
        "examples": [
            {"name": path.stem, "payload": json.loads(path.read_text(encoding="utf-8"))["value"]}
            for path in published.examples(type_)
        ],
    }


def _key(type_: str) -> dict[str, Any]:
    if type_ == LOG_MARK:
        return {"type": "string", "const": LOG_MARK_KEY.decode()}
    contact = "-" if type_ == EVENT_NAME_CHANGED else _ID
    return {"type": "string", "pattern": f"^{_ID}/{contact}/{_RECORD_ID}$"}
