"""`contact-events openapi`: write the API's description out of what the services say about themselves."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click

FILE: Final = Path(__file__).parents[1] / "schemas" / "openapi.json"
CONTRIBUTORS: Final = ("ingest.openapi", "ingest.segment_openapi", "query.openapi")

DESCRIPTION: Final = """\
Record what your customers did, and show it to the agent who is talking to them.

Call this API from servers. Every request carries `Authorization: Bearer YOUR_API_KEY`. A 2xx means that all in-sync
replicas of the log have what you sent. A 4xx means that this attempt was not and never will be written. After a 5xx, a
timeout or a lost connection it is unknown: send the same thing again with the same id, whenever, and it still counts
once.

Errors are problem documents (RFC 9457) with a stable `code`; `errors` lists every fault at once, each with a JSON
Pointer, the rule and the limit. Bodies are JSON in UTF-8, `Content-Encoding: gzip` is taken. An `X-Request-Id` you send
comes back and stands in our logs.
"""


@click.command()
@click.option("--check", is_flag=True, help="Only say whether the file is what it should be.")
def openapi(*, check: bool) -> None:
    """Write schemas/openapi.json anew."""
    text = document_text()
    if check:
        if FILE.read_text(encoding="utf-8") != text:
            raise click.ClickException(f"{FILE.name} is out of date. Run `contact-events openapi`.")
        click.echo(f"{FILE.name} is up to date")
        return
    FILE.write_text(text, encoding="utf-8")
    click.echo(f"wrote {FILE}")


def document_text() -> str:
    """Assemble the document."""
    document = _frame()
    for name in CONTRIBUTORS:
        if find_spec(name) is None:
            continue
        part = import_module(name).contribution()
        for path, operations in part["paths"].items():
            document["paths"].setdefault(path, {}).update(operations)
        for kind, components in part.get("components", {}).items():
            document["components"].setdefault(kind, {}).update(components)
    document["paths"] = dict(sorted(document["paths"].items()))
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _frame() -> dict[str, Any]:
    from ingest.codes import FAULT_CODES, PROBLEM_CODES
    from ingest.fields import EVENT_ID

    text = {"type": "string"}
    fault = {
        "pointer": {"type": "string", "description": "JSON Pointer into the body, or the name of a parameter."},
        "code": {"type": "string", "description": "Stable.", "x-codes": FAULT_CODES},
        "message": text,
        "limit": {"type": ["integer", "number", "string"]},
    }
    problem = {
        "type": {"const": "about:blank"},
        "title": text,
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable.", "x-codes": PROBLEM_CODES},
        "detail": {"type": "string", "description": "A sentence for people: what is wrong and what to do."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
        "request_id": text,
    }
    problem_content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Contact Events", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": {},
        "components": {
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
            "parameters": {
                "IdempotencyKey": {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "The id of what this request writes, where the body has none.",
                    "schema": {"type": "string", "pattern": f"^{EVENT_ID.pattern}$"},
                },
                "DryRun": {
                    "name": "dry_run",
                    "in": "query",
                    "description": "With true: says what would happen and writes nothing (200).",
                    "schema": {"enum": ["true", "false"]},
                },
            },
            "responses": {"Problem": {"description": "An error.", "content": problem_content}},
            "schemas": {
                "Fault": {"type": "object", "properties": fault, "required": ["pointer", "code", "message"]},
                "Problem": {
                    "type": "object",
                    "properties": problem,
                    "required": ["type", "title", "status", "code", "detail"],
                },
            },
        },
    }
