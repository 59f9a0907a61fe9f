"""The contract's files under `/schemas/`: what a reader of the topic needs, at the address of everything else."""

from __future__ import annotations

from flask import Flask, Response

from schemas.asyncapi import FILE
from schemas.published import ROOT

PREFIX = "/schemas/"


def contract_files() -> dict[str, bytes]:
    """Read the files that make the contract, by their path below `schemas/`. Nothing else is ever served."""
    paths = [ROOT / FILE, ROOT / "partitioning.json", *(ROOT / "record_types").rglob("*.json")]
    paths += (ROOT / "published").rglob("*.json")
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted(paths)}


def schemas_app() -> Flask:
    """Serve them, and a list of them."""
    app = Flask("schemas", static_folder=None)
    files = contract_files()
    headers = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}

    @app.get(PREFIX)
    def index() -> Response:
        return Response("".join(f"{PREFIX}{name}\n" for name in files), content_type="text/plain", headers=headers)

    @app.get(f"{PREFIX}<path:name>")
    def file(name: str) -> Response:
        if name not in files:
            return Response(f"There is no such file. {PREFIX} lists them.\n", 404, content_type="text/plain")
        return Response(files[name], content_type="application/json", headers=headers)

    return app
