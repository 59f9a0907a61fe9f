"""Parts of the OpenAPI document that several of its places use."""

from __future__ import annotations

from typing import Any, Final

TEXT: Final = {"type": "string"}
MAYBE_TEXT: Final = {"type": ["string", "null"]}
TIME: Final = {"type": "string", "format": "date-time"}
MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
ASKED_TIME: Final = {"anyOf": [TIME, {"const": ""}]}
"""As a parameter: a form sends one that nobody filled in as an empty text, which counts as left out."""

NUMBER: Final = {"type": "integer"}
FREE: Final = {"type": "object", "description": "As it was sent: numbers keep how they were written."}
CURSOR: Final = {"type": ["string", "null"], "description": "Opaque. Null when there is no further page."}


def parameter(name: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe a parameter of the query string; a text unless said otherwise."""
    return {"name": name, "in": "query", "description": description, "schema": schema or TEXT}


def object_of(properties: dict[str, Any]) -> dict[str, Any]:
    """Describe an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(item: dict[str, Any]) -> dict[str, Any]:
    """Describe a list."""
    return {"type": "array", "items": item}
