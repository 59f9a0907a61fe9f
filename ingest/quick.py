"""The requests that come by the thousand, events by one and in batches, answered without Flask's machinery around them.

Matching the address, the contexts, the hooks and the response object cost more than reading, checking and writing an
event. All that they do for such a request stands here; whatever is another request goes on to Flask.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from werkzeug.wrappers import Request

from ingest import metrics
from ingest.calls import Answer, Call
from ingest.event_views import post_event, post_event_batch
from ingest.handling import handle
from runtime.problems import CONTENT_TYPE, as_problem
from runtime.web import request_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from ingest.handling import Handler
    from ingest.parts import Parts

_BATCH: Final = "/api/v1/events/batch"
_EVENTS: Final = re.compile(r"/api/v1/contacts/([0-9]{1,16})/events")
_STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class QuickPosts:
    """Stands in front of the Flask application, `app`."""

    def __init__(self, app: WSGIApplication, parts: Parts) -> None:
        self.app = app
        self._parts = parts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Take events, or let Flask answer."""
        path = environ.get("PATH_INFO", "")
        is_batch = path == _BATCH
        events = None if is_batch else _EVENTS.fullmatch(path)
        if environ["REQUEST_METHOD"] != "POST" or not (is_batch or events):
            return self.app(environ, start_response)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        structlog.contextvars.bind_contextvars(request_id=request_id)
        # Not told to the environment: that would be a cycle, with the body in it, which Flask for its part takes apart.
        request = Request(environ, populate_request=False)
        if events:
            call = Call(request, request_id, "POST /api/v1/contacts/{contact_id}/events")
            answer = self._answer(call, post_event, {"contact_id": events[1]})
        else:
            call = Call(request, request_id, f"POST {_BATCH}")
            answer = self._answer(call, post_event_batch, {})
        headers = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "X-Request-Id": request_id,
            **answer.headers,
            **call.rate_headers(),
        }
        start_response(_STATUS_LINES[answer.status], list(headers.items()))
        return [answer.body]

    def _answer(self, call: Call, handler: Handler, arguments: dict[str, str]) -> Answer:
        try:
            return handle(self._parts, call, handler, arguments)
        except Exception as error:  # noqa: BLE001 - as Flask does
            return _refused(call, error)


def _refused(call: Call, error: Exception) -> Answer:
    """Tell what went wrong.

    Not where it is caught: an error that a variable of a frame in its own traceback holds is a cycle, which would keep
    the body and all that was read from it until the next full collection. During an outage that is all memory there is.
    """
    problem = as_problem(error)
    metrics.PROBLEMS.labels(problem.code).inc()
    return Answer(problem.status, problem.body(call.request_id), CONTENT_TYPE, problem.headers)
