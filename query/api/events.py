"""`/api/v1/contacts/:id/events`: the timeline, one event of it, and all of it as a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.catalogue import leaves_out_hidden
from query.parameters import Parameters
from query.places import place_of_contact, with_position
from query.shapes import answer, event_document, moment, page_documents
from query.timeline import Filters, ask_page, find_event
from runtime.problems import Problem

if TYPE_CHECKING:
    from flask import Request

    from query.cursors import Cursor
    from query.services import Services
    from schemas.positions import Position

EVENT_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
LONGEST_NAME: Final = 128
LONGEST_TEXT: Final = 200


def read_filters(parameters: Parameters) -> Filters:
    """Take the parameters that choose events."""
    filters = Filters(
        names=parameters.texts("name", LONGEST_NAME),
        name_prefix=parameters.text("name_prefix", LONGEST_NAME),
        occurred_from=parameters.moment("from"),
        occurred_before=parameters.moment("before"),
        text=parameters.text("text", LONGEST_TEXT),
    )
    if filters.occurred_from and filters.occurred_before and filters.occurred_from >= filters.occurred_before:
        parameters.fault("before", "empty_range", "before should be later than from.")
    return filters


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query string asks for of a timeline."""

    filters: Filters
    include_hidden: bool | None
    cursor: Cursor | None
    limit: int
    position: Position | None


MOST_REMEMBERED: Final = 256


class EventRoutes:
    """Answers from one contact's events."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._remembered: dict[bytes, Asked] = {}

    def blueprint(self) -> Blueprint:
        """Make the routes."""
        blueprint = Blueprint("api_events", __name__, url_prefix="/api/v1/contacts/<contact_id>")
        blueprint.add_url_rule("/events", "list", self.list_events)
        blueprint.add_url_rule("/events/<event_id>", "show", self.show_event)
        return blueprint

    def list_events(self, contact_id: str) -> Response:
        """Answer one page, newest first."""
        return answer(self.page(request, contact_id))

    def page(self, request: Request, contact_id: str) -> dict[str, Any]:
        """Write one page, newest first; raise Problem."""
        services = self._services
        viewer, id_ = services.access.contact_viewer(request, contact_id, "events:read")
        of = f"{viewer.workspace_id}/{id_}"
        asked = self._asked(request, of)
        services.gate.wait(viewer.workspace_id, asked.position)
        catalogue = services.catalogues.of(viewer.workspace_id, fresh=asked.position is not None)
        filters = catalogue.applied(asked.filters, leave_out_hidden=leaves_out_hidden(viewer, asked.include_hidden))
        question = ask_page(viewer.workspace_id, id_, filters=filters, cursor=asked.cursor, limit=asked.limit)
        answered = services.reading.ask(viewer.workspace_id, with_position(question))
        if answered is None:
            raise contact_not_found()
        reached, page = answered
        document: dict[str, Any] = {
            "data": page_documents(page, catalogue),
            "next_cursor": services.cursors.encode(page.next_cursor, of),
            "prev_cursor": services.cursors.encode(page.prev_cursor, of),
        }
        if filters.scans:
            document["searched_back_to"] = moment(page.searched_back_to)
        document["position"] = reached and reached.encode()
        return document

    def _asked(self, request: Request, of: str) -> Asked:
        """Read the query string, unless the same one was read before: most readers ask for first pages alike.

        One with a cursor is read each time: whether its cursor is one depends on the list.
        """
        asked = self._remembered.get(request.query_string)
        if asked is not None:
            return asked
        parameters = Parameters(request.args)
        asked = Asked(
            filters=read_filters(parameters),
            include_hidden=parameters.flag("include_hidden"),
            cursor=parameters.cursor(self._services.cursors, of),
            limit=parameters.limit(),
            position=parameters.position(),
        )
        parameters.finish()
        if asked.cursor is None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[request.query_string] = asked
        return asked

    def show_event(self, contact_id: str, event_id: str) -> Response:
        """Answer one event."""
        services = self._services
        viewer, id_ = services.access.contact_viewer(request, contact_id, "events:read")
        parameters = Parameters(request.args)
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            if place_of_contact(connection, viewer.workspace_id, id_) is None:
                raise contact_not_found()
            # An id that cannot be one is not asked for: the database refuses some of these texts.
            known = EVENT_ID.fullmatch(event_id) and find_event(connection, viewer.workspace_id, id_, event_id)
        if not known:
            raise Problem(404, "event_not_found", "This contact has no event with this id.")
        return answer(event_document(known, services.catalogues.of(viewer.workspace_id, fresh=position is not None)))
