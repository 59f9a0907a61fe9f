"""`/api/v1/contacts/:id/changes`, and a contact as it was at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.history import HistoryTooLongError, NotCreatedYet, change_page, contact_then
from query.parameters import Parameters
from query.places import place_of_contact
from query.shapes import answer, place_members
from query.shapes_history import change_document, contact_then_document
from runtime.problems import Fault, Problem
from schemas.times import format_time

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from psycopg import Connection

    from query.history import ContactThen
    from query.services import Services


def history_blueprint(services: Services) -> Blueprint:
    """Make the route. A collection of its own name beside `events`: no event id can hide it."""
    blueprint = Blueprint("api_history", __name__, url_prefix="/api/v1/contacts/<contact_id>")

    @blueprint.get("/changes")
    def list_changes(contact_id: str) -> Response:
        viewer, id_ = services.access.contact_viewer(request, contact_id, "contacts:read")
        of = f"{viewer.workspace_id}/{id_}/changes"
        parameters = Parameters(request.args)
        cursor = parameters.cursor(services.cursors, of)
        limit = parameters.limit()
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            page = change_page(connection, viewer.workspace_id, id_, cursor=cursor, limit=limit)
            place = place_of_contact(connection, viewer.workspace_id, id_)
        if place is None:
            raise contact_not_found()
        document = {
            "data": [change_document(change) for change in page.changes],
            "next_cursor": services.cursors.encode(page.next_cursor, of),
            "prev_cursor": services.cursors.encode(page.prev_cursor, of),
        }
        return answer(document | place_members(place))

    return blueprint


def take_as_of(parameters: Parameters, now: datetime) -> datetime | None:
    """Take `as_of`; what will be is not known yet."""
    as_of = parameters.moment("as_of")
    if as_of is not None and as_of > now:
        parameters.fault("as_of", "in_the_future", "as_of should not be later than now.", format_time(now))
    return as_of


def read_then(connection: Connection[Any], workspace_id: int, contact_id: int, as_of: datetime) -> ContactThen:
    """Read a contact as it was, or raise the Problem that says why it cannot be told."""
    try:
        then = contact_then(connection, workspace_id, contact_id, as_of)
    except HistoryTooLongError as error:
        message = f"This contact has changed more than {error.limit:,} times before as_of: page through its changes."
        fault = Fault("as_of", "history_too_long", message, error.limit)
        raise Problem(422, "history_too_long", message, [fault]) from None
    if then is None:
        raise contact_not_found()
    if isinstance(then, NotCreatedYet):
        raise not_created_yet(then)
    return then


def not_created_yet(then: NotCreatedYet) -> Problem:
    """Make the answer for a moment before the contact."""
    detail = f"This contact did not exist yet: it was created at {format_time(then.created_at)}."
    return Problem(404, "contact_not_created_yet", detail, extra={"created_at": format_time(then.created_at)})


def show_then(connection: Connection[Any], workspace_id: int, contact_id: int, as_of: datetime) -> Response:
    """Answer a contact as it was."""
    return answer(contact_then_document(read_then(connection, workspace_id, contact_id, as_of), as_of))
