"""`/api/v1/contacts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.api.contact_filters import answer_filtered, cursor_scope, take_contact_filter
from query.api.history import show_then, take_as_of
from query.contacts import contact_page, find_contact, search_contacts
from query.parameters import Parameters
from query.shapes import answer, contact_document, contact_line
from runtime.authentication import require_scope

if TYPE_CHECKING:
    from query.services import Services

LONGEST_SEARCH = 200


def contacts_blueprint(services: Services) -> Blueprint:
    """Make the routes."""
    blueprint = Blueprint("api_contacts", __name__, url_prefix="/api/v1")

    @blueprint.get("/contacts")
    def list_contacts() -> Response:
        viewer = services.access.workspace_viewer(request, "contacts:read")
        parameters = Parameters(request.args)
        text = parameters.text("query", LONGEST_SEARCH)
        limit = parameters.limit()
        wanted = take_contact_filter(parameters)
        if wanted.has_event or wanted.has_no_event:
            require_scope(list(viewer.scopes), "events:read")
        of = cursor_scope(viewer.workspace_id, wanted) if wanted else f"{viewer.workspace_id}/contacts"
        cursor = parameters.cursor(services.cursors, of)
        position = parameters.position()
        if text and cursor:
            parameters.fault("cursor", "not_with_query", "A search has one page: its best matches.")
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            if wanted:
                return answer_filtered(
                    services, connection, viewer, text=text, wanted=wanted, cursor=cursor, limit=limit
                )
            if text:
                found = search_contacts(connection, viewer.workspace_id, text, limit)
                return answer(
                    {"data": [contact_line(contact) for contact in found], "next_cursor": None, "prev_cursor": None}
                )
            page = contact_page(connection, viewer.workspace_id, cursor=cursor, limit=limit)
        return answer(
            {
                "data": [contact_line(contact) for contact in page.contacts],
                "next_cursor": services.cursors.encode(page.next_cursor, of),
                "prev_cursor": services.cursors.encode(page.prev_cursor, of),
            }
        )

    @blueprint.get("/contacts/<contact_id>")
    def show_contact(contact_id: str) -> Response:
        viewer, id_ = services.access.contact_viewer(request, contact_id, "contacts:read")
        parameters = Parameters(request.args)
        as_of = take_as_of(parameters, services.now())
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            if as_of is not None:
                return show_then(connection, viewer.workspace_id, id_, as_of)
            contact = find_contact(connection, viewer.workspace_id, id_)
        if contact is None:
            raise contact_not_found()
        return answer(contact_document(contact))

    return blueprint
