"""The description of the API is true: every route is in it, and every answer has the shape it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no type information

from cli.openapi import FILE

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
READS = {path: part["get"] for path, part in DOCUMENT["paths"].items() if "get" in part}


def schema_of(operation: dict[str, Any], status: str = "200") -> dict[str, Any]:
    content = next(iter(operation["responses"][status]["content"].values()))
    schema: dict[str, Any] = content["schema"]
    return schema | {"components": DOCUMENT["components"]}


def closed(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Forbid what the schema does not name, so that no field goes undescribed."""
    if isinstance(schema, dict):
        more = {"additionalProperties": False} if schema.get("type") == "object" and "properties" in schema else {}
        return {key: closed(value) for key, value in schema.items()} | more
    return [closed(part) for part in schema] if isinstance(schema, list) else schema


def test_every_route_is_described(app: Flask) -> None:
    rules = {rule.rule: rule.methods or set() for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")}
    described = {path.replace("{", "<").replace("}", ">") for path in READS}

    assert {rule for rule, methods in rules.items() if "GET" in methods} == described


@pytest.mark.parametrize("path", [path for path in READS if not path.endswith("event-stream")])
def test_every_answer_has_the_described_shape(client: FlaskClient, rows: Rows, path: str) -> None:
    contact = rows.contact(name="Ada", custom_data='{"plan":"pro"}', changed='{"plan":"2026-06-01T00:00:00Z"}')
    event = rows.event(contact, properties='{"a": 1}')
    parameters = {parameter["name"] for parameter in READS[path]["parameters"]}
    query = {
        "text": "plan",
        "conversation_started_at": "2026-06-08T00:00:00Z",
        "from": "2026-06-01T00:00:00Z",
        "before": "2026-07-01T00:00:00Z",
    }

    answer = client.get(
        path.format(contact_id=contact, event_id=event),
        query_string={name: value for name, value in query.items() if name in parameters},
    )

    assert answer.status_code == 200
    assert answer.mimetype in READS[path]["responses"]["200"]["content"]
    Draft202012Validator(closed(schema_of(READS[path]))).validate(json.loads(answer.get_data(as_text=True)))


@pytest.mark.parametrize("path", READS)
def test_every_described_parameter_is_known(client: FlaskClient, rows: Rows, path: str) -> None:
    contact = rows.contact()
    rows.event(contact, event_id="known")
    for parameter in READS[path]["parameters"]:
        if parameter["in"] == "query":
            answer = client.get(
                path.format(contact_id=contact, event_id="known"),
                query_string={parameter["name"]: ""},
                buffered=False,
            )
            assert answer.status_code == 200, parameter["name"]
            answer.close()


def test_minting_has_the_described_shape(client: FlaskClient, rows: Rows) -> None:
    operation = DOCUMENT["paths"]["/api/v1/sidebar-tokens"]["post"]

    answer = client.post("/api/v1/sidebar-tokens", json={"contact_id": rows.contact()})

    Draft202012Validator(closed(schema_of(operation, "201"))).validate(answer.get_json())
