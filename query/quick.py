"""The read that is made most, a page of a timeline, answered without Flask's machinery around it.

Matching its address, the contexts, the hooks and the response object cost as much as the page. All that they do for a
page stands here: the request id, the measured time, the problem document. What is not a page goes on to Flask.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from flask import Request

from query import metrics
from runtime.problems import Problem
from runtime.web import request_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE: Final = "/api/v1/contacts/<contact_id>/events"
_PATH: Final = re.compile(r"/api/v1/contacts/([^/]+)/events")
_measured = metrics.READ_SECONDS.labels(ROUTE)


class QuickPages:
    """Stands in front of the Flask application. `page` makes a page's document, or raises Problem."""

    def __init__(self, app: WSGIApplication, page: Callable[[Request, str], dict[str, Any]]) -> None:
        self._app = app
        self._page = page

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a page, or let Flask answer."""
        path = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if path is None or environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        began, request = time.perf_counter(), Request(environ, populate_request=False)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            body = msgspec.json.encode(self._page(request, path[1]))
        except Problem as problem:
            metrics.PROBLEMS.labels(problem.code).inc()
            response = problem.response(request_id)
            response.headers["X-Request-Id"] = request_id
            return response(environ, start_response)
        except Exception:  # noqa: BLE001 - a fault of ours: Flask asks again, logs it and answers it
            return self._app(environ, start_response)
        finally:
            _measured.observe(time.perf_counter() - began)
        start_response(
            "200 OK",
            [
                ("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
                ("X-Request-Id", request_id),
                ("Content-Length", str(len(body))),
            ],
        )
        return [body]
