"""The write API: which path leads to which work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Response, g, request
from werkzeug.routing import BaseConverter

from ingest import metrics
from ingest.calls import Call
from ingest.contact_views import delete_contact, patch_contact, post_contact, post_contact_batch
from ingest.event_views import delete_event, post_event, post_event_batch
from ingest.handling import handle
from ingest.name_views import patch_event_name
from ingest.quick import QuickPosts
from ingest.segment_views import post_segment_batch, post_segment_message
from runtime.problems import Problem, install_problem_handlers
from runtime.web import SyncFlask, install_request_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from ingest.handling import Handler
    from ingest.parts import Parts

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/api/v1/contacts", post_contact),
    ("POST", "/api/v1/contacts/batch", post_contact_batch),
    ("PATCH", "/api/v1/contacts/<contact:contact_id>", patch_contact),
    ("DELETE", "/api/v1/contacts/<contact:contact_id>", delete_contact),
    ("POST", "/api/v1/contacts/<contact:contact_id>/events", post_event),
    ("DELETE", "/api/v1/contacts/<contact:contact_id>/events/<event_id>", delete_event),
    ("POST", "/api/v1/events/batch", post_event_batch),
    ("PATCH", "/api/v1/event-names/<name:name>", patch_event_name),
    ("POST", "/v1/batch", post_segment_batch),
    ("POST", "/v1/<kind>", post_segment_message),
)

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

READABLE = (
    "/api/v1/contacts",
    "/api/v1/contacts/<contact:contact_id>",
    "/api/v1/contacts/<contact:contact_id>/events",
    "/api/v1/contacts/<contact:contact_id>/events/<event_id>",
    "/api/v1/event-names",
)


class ContactConverter(BaseConverter):
    """A contact's number, or what somebody took for one; `batch` is a path of its own."""

    regex = r"(?!batch(?:/|$))[^/]+"


class NameConverter(BaseConverter):
    """An event's name, which may hold anything, slashes included: the view takes it out of the path itself."""

    regex = r"(?s:.+)"
    part_isolating = False


def build_app(parts: Parts) -> Flask:
    """Make the WSGI application."""
    app = SyncFlask("ingest", static_folder=None)
    app.extensions["ingest"] = parts
    app.url_map.converters |= {"contact": ContactConverter, "name": NameConverter}
    install_request_ids(app)
    install_problem_handlers(app, lambda code: metrics.PROBLEMS.labels(code).inc())
    app.after_request(_add_rate_headers)
    for path in READABLE:  # so that a 405 names all methods of the resource, the query service's too
        app.add_url_rule(path, "read_elsewhere", _read_elsewhere, methods=["GET"], provide_automatic_options=False)
    for method, path, handler in ROUTES:
        app.add_url_rule(
            path,
            view_func=_view(parts, method, path, handler),
            methods=[method],
            provide_automatic_options=False,
            strict_slashes="<name:" not in path,  # a slash at the end of a name is a part of it
        )
    app.wsgi_app = QuickPosts(app.wsgi_app, parts)  # type: ignore[method-assign] # Flask's own way for it
    return app


def _read_elsewhere(**_: str) -> Response:
    detail = "This server takes writes. Send reads to the query service, or to the address that both stand behind."
    raise Problem(421, "read_elsewhere", detail)


def _view(parts: Parts, method: str, path: str, handler: Handler) -> Callable[..., Response]:
    route = f"{method} " + _PARAMETER.sub(r"{\1}", path)

    def view(**arguments: str) -> Response:
        call = g.call = Call(request._get_current_object(), g.request_id, route)  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to it
        answer = handle(parts, call, handler, arguments)
        return Response(answer.body, answer.status, dict(answer.headers), content_type=answer.content_type)

    view.__name__ = handler.__name__
    return view


def _add_rate_headers(response: Response) -> Response:
    if "call" in g:
        response.headers.update(g.call.rate_headers())
    return response
