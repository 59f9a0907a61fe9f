"""The projector's `/healthz`, `/readyz` and `/metrics`, on a small server thread of its own."""

from __future__ import annotations

import threading
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flask import Response, jsonify, request

from runtime.web import health_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projector.progress import Progress
    from runtime.service import Check


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: probes come every few seconds."""


def start_health_server(host: str, port: int, checks: Mapping[str, Check], progress: Progress) -> _Server:
    """Serve until the process ends; `server_port` of the result is the port, also when 0 was asked for."""
    app = health_app(checks)

    @app.before_request
    def alive_by_progress() -> tuple[Response, int] | None:
        if request.path == "/healthz" and (reason := progress.dead()):
            return jsonify(status="stuck", reason=reason), 503
        return None

    server = make_server(host, port, app, server_class=_Server, handler_class=_Silent)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
