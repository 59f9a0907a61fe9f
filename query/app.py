"""The query service as a WSGI application."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from query import metrics
from query.api.contacts import contacts_blueprint
from query.api.deliveries import deliveries_blueprint
from query.api.event_names import event_names_blueprint
from query.api.events import EventRoutes
from query.api.exports import exports_blueprint
from query.api.history import history_blueprint
from query.api.overviews import OverviewRoutes
from query.api.sidebar_tokens import sidebar_tokens_blueprint
from query.api.streams import streams_blueprint
from query.api.traces import traces_blueprint
from query.quick import QuickPages
from query.same_site import install_same_site_check
from runtime.problems import install_problem_handlers
from runtime.web import install_request_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Blueprint

    from query.services import Services

LARGEST_BODY = 65_536


def build_app(services: Services, pages: Iterable[Blueprint] = ()) -> Flask:
    """Put the routes together; `pages` are the HTML ones."""
    app = Flask("query", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.url_map.strict_slashes = False
    _measure(app)  # first: a request that is refused below is measured, too
    install_request_ids(app)
    install_problem_handlers(app, lambda code: metrics.PROBLEMS.labels(code).inc())
    install_same_site_check(app, services.settings.base_url)
    events = EventRoutes(services)
    for blueprint in (
        contacts_blueprint(services),
        event_names_blueprint(services),
        events.blueprint(),
        OverviewRoutes(services).blueprint(),
        exports_blueprint(services),
        history_blueprint(services),
        traces_blueprint(services),
        streams_blueprint(services),
        sidebar_tokens_blueprint(services),
        deliveries_blueprint(services),
        *pages,
    ):
        app.register_blueprint(blueprint)
    app.wsgi_app = QuickPages(app.wsgi_app, events.page)  # type: ignore[method-assign] # Flask's own way for it
    return app


def _measure(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"  # never the path: it would be a series a contact
        metrics.READ_SECONDS.labels(route).observe(time.perf_counter() - g.began)
        return response
