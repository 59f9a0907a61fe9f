"""The API's description, for programs (`/api/openapi.json`) and for people (`/api/docs`). Knows OpenAPI, and no API."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, render_template
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Mapping

PATHS: Final = frozenset({"/api/openapi.json", "/api/docs"})
METHODS: Final = ("get", "post", "put", "patch", "delete")
STYLE: Final = (Path(__file__).parent / "templates" / "api_docs.css").read_text(encoding="utf-8")


def docs_app(text: str) -> Flask:
    """Serve a document, given as its JSON text, and a page made of it. The page needs nothing from anywhere else."""
    app = Flask("api_docs", static_folder=None, template_folder=str(Path(__file__).parent / "templates"))
    app.jinja_env.filters |= {"prose": prose, "kind": kind, "pretty": pretty}
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    @app.get("/api/openapi.json")
    def openapi() -> Response:
        return Response(text, content_type="application/json", headers={"Cache-Control": "public, max-age=300"})

    page: list[str] = []  # rendered at the first request; it never changes while the process lives

    @app.get("/api/docs")
    def docs() -> Response:
        if not page:
            page.append(render_template("api_docs.html", document=resolved(json.loads(text)), style=Markup(STYLE)))  # noqa: S704 - a file of ours
        headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
        return Response(page[0], content_type="text/html; charset=utf-8", headers=headers)

    return app


def resolved(document: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a document into what the page shows: operations in order, references followed."""
    operations = [
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    schemas = document["components"]["schemas"]
    codes = [
        (title, schemas[name]["properties"]["code"]["x-codes"])
        for name, title in (("Problem", "Whole answers"), ("Fault", "Single faults"))
        if name in schemas
    ]
    return {"info": document["info"], "operations": operations, "codes": codes}


def _operation(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = None
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = body or _follow(document, content["schema"])
    return {
        "anchor": operation.get("operationId") or re.sub(r"[^a-z]+", "-", f"{method}-{path}".lower()).strip("-"),
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "parameters": [_follow(document, parameter) for parameter in operation.get("parameters", [])],
        "body": body,
        "item": _item(document, body),
        "responses": {
            status: _answer(document, response) for status, response in operation.get("responses", {}).items()
        },
    }


def _item(document: Mapping[str, Any], body: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Find the schema of a batch's items."""
    arrays = [each for each in (body or {}).get("properties", {}).values() if each.get("type") == "array"]
    if len(arrays) != 1:
        return None
    items = arrays[0]["items"]
    return _follow(document, items["anyOf"][0] if "anyOf" in items else items)


def _answer(document: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    whole = _follow(document, response)
    fields = [
        name
        for content in whole.get("content", {}).values()
        for name in _follow(document, content["schema"]).get("properties", {})
    ]
    problem = "application/problem+json" in whole.get("content", {})
    return (
        "A problem document." if problem else (f"{{{', '.join(fields)}}}" if fields else whole.get("description", ""))
    )


def _follow(document: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = document
        for step in str(part["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return dict(part)


def kind(schema: Mapping[str, Any]) -> str:
    """Say in words what values a schema takes."""
    if "enum" in schema:
        return " or ".join(json.dumps(each) for each in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    types = schema.get("type", "any")
    words = " or ".join(types if isinstance(types, list) else [types])
    limits = [
        f"{label} {schema[key]}"
        for key, label in (
            ("minLength", "at least"), ("maxLength", "at most"), ("minimum", "from"), ("maximum", "to"),
            ("maxItems", "at most"), ("x-max-bytes", "bytes at most"), ("x-max-depth", "levels at most"),
        )
        if key in schema
    ]  # fmt: skip
    return f"{words} ({', '.join(limits)})" if limits else words


def prose(text: str) -> Markup:
    """Turn a description into paragraphs with `code` marked; everything else is shown as it is."""
    paragraphs = [re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(part))) for part in text.strip().split("\n\n")]
    return Markup("".join(f"<p>{part}</p>" for part in paragraphs))  # noqa: S704 - escaped the line before


def pretty(value: object) -> str:
    """Write an example."""
    return json.dumps(value, indent=2, ensure_ascii=False)
