"""What every web process of ours answers alike: request ids, `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import prometheus_client
import structlog
from flask import Flask, Response, g, jsonify, request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime.service import Check

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class SyncFlask(Flask):
    """Flask without asking of each function, at each request, whether it is a coroutine: none of ours is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function back as it is."""
        return func


def request_id_of(given: str) -> str:
    """Take the caller's id for a request where it is one, or make one."""
    return given if _REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def install_request_ids(app: Flask) -> None:
    """Take `X-Request-Id` from the caller, or make one; give it back and put it into every log line of the request."""

    @app.before_request
    def take() -> None:
        g.request_id = request_id_of(request.headers.get("X-Request-Id", ""))
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def give_back(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        return response


def health_app(checks: Mapping[str, Check]) -> Flask:
    """Answer whether the process is alive, whether it can do its job (and if not, why), and its metrics."""
    app = Flask("health", static_folder=None)

    @app.get("/healthz")
    def alive() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def ready() -> tuple[Response, int]:
        reasons = {name: check() for name, check in checks.items()}
        fine = not any(reasons.values())
        body = jsonify(
            status="ready" if fine else "not ready",
            checks={name: reason or "ok" for name, reason in reasons.items()},
        )
        return body, 200 if fine else 503

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(prometheus_client.generate_latest(), content_type=prometheus_client.CONTENT_TYPE_LATEST)

    return app
