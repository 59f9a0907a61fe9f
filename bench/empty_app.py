"""The baseline of the write API: a Flask application that reads a POST and answers 202, doing nothing else."""

from __future__ import annotations

import sys

from flask import Flask, Response, request


def build() -> Flask:
    """Make the application."""
    app = Flask("empty")

    @app.post("/")
    def accept() -> Response:
        request.get_data()
        return Response(b'{"id":"x"}', 202, content_type="application/json")

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def main(port: int, workers: int, threads: int) -> None:
    """Serve it with the same server and settings as ours."""
    from granian import Granian  # noqa: PLC0415 - the workers import this module too and do not need it
    from granian.constants import Interfaces  # noqa: PLC0415

    Granian(
        "bench.empty_app:build",
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        log_enabled=False,
    ).serve()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
