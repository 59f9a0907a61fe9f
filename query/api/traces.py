"""`/api/v1/contacts/:id/events/:event_id/trace`: what became of an event, from its acceptance to the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.api.events import EVENT_ID
from query.parameters import Parameters
from query.places import place_of_contact
from query.shapes import answer, moment
from query.shapes_history import trace_document
from query.trace import EventErasedError, read_trace
from runtime.problems import Problem
from schemas.times import format_time

if TYPE_CHECKING:
    from query.services import Services


def traces_blueprint(services: Services) -> Blueprint:
    """Make the route."""
    blueprint = Blueprint("api_traces", __name__, url_prefix="/api/v1/contacts/<contact_id>")

    @blueprint.get("/events/<event_id>/trace")
    def show_trace(contact_id: str, event_id: str) -> Response:
        viewer, id_ = services.access.contact_viewer(request, contact_id, "events:read")
        parameters = Parameters(request.args)
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            if place_of_contact(connection, viewer.workspace_id, id_) is None:
                raise contact_not_found()
            try:
                # An id that cannot be one is not asked for: the database refuses some of these texts.
                trace = (
                    read_trace(connection, viewer.workspace_id, id_, event_id) if EVENT_ID.fullmatch(event_id) else None
                )
            except EventErasedError as error:
                raise event_erased(error) from None
        if trace is None:
            raise Problem(404, "event_not_found", "This contact has no event with this id.")
        return answer(trace_document(trace))

    return blueprint


def event_erased(error: EventErasedError) -> Problem:
    """Make the answer for an event that was there, or was refused, and is erased."""
    erasure = error.erasure
    at = format_time(erasure.erased_at)
    extra = {"erased_at": at, "copies_refused": erasure.refused, "last_refused_at": moment(erasure.last_refused_at)}
    return Problem(410, "event_erased", f"This event was erased at {at}. Nothing of it is kept.", extra=extra)
