"""`/api/v1/contacts/:id/event-export`: all of a contact's events that fit, as NDJSON for programs or CSV for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.api.events import read_filters
from query.catalogue import leaves_out_hidden
from query.csv_export import CsvWriter
from query.parameters import Parameters
from query.places import place_of_contact
from query.shapes import lines, page_documents
from query.timeline import timeline_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from query.services import Services
    from query.timeline import Filters, Page

EXPORT_PAGE: Final = 1_000
FORMATS: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


def exports_blueprint(services: Services) -> Blueprint:
    """Make the route."""
    blueprint = Blueprint("api_exports", __name__, url_prefix="/api/v1/contacts/<contact_id>")

    @blueprint.get("/event-export")
    def export_events(contact_id: str) -> Response:
        viewer, id_ = services.access.contact_viewer(request, contact_id, "events:read")
        parameters = Parameters(request.args)
        filters, include_hidden = read_filters(parameters), parameters.flag("include_hidden")
        kind = parameters.choice("format", tuple(FORMATS))
        zone = parameters.time_zone(viewer.time_zone or "UTC")
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        catalogue = services.catalogues.of(viewer.workspace_id, fresh=position is not None)
        filters = catalogue.applied(filters, leave_out_hidden=leaves_out_hidden(viewer, include_hidden))
        with services.reading(viewer.workspace_id) as connection:
            if place_of_contact(connection, viewer.workspace_id, id_) is None:
                raise contact_not_found()
            first = timeline_page(connection, viewer.workspace_id, id_, filters=filters, limit=EXPORT_PAGE)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="contact-{id_}-events.{kind}"',
            "X-Content-Type-Options": "nosniff",
        }
        pages = _pages(services, (viewer.workspace_id, id_), filters, first)
        if kind == "csv":
            writer = CsvWriter(first.events, ZoneInfo(zone))
            body = _written(pages, lambda page: writer.rows(page.events), writer.header())
        else:
            body = _written(pages, lambda page: lines(page_documents(page, catalogue)))
        return Response(body, headers=headers, content_type=FORMATS[kind])

    return blueprint


def _written(pages: Iterator[Page], write: Callable[[Page], bytes], head: bytes = b"") -> Iterator[bytes]:
    yield head
    for page in pages:
        yield write(page)


def _pages(services: Services, key: tuple[int, int], filters: Filters, page: Page) -> Iterator[Page]:
    """Read page after page, each in a transaction of its own, so that a slow reader holds no connection.

    Where a page cannot be read the answer breaks off without its end, which every HTTP client notices.
    """
    yield page
    while page.next_cursor is not None:
        with services.reading(key[0]) as connection:
            page = timeline_page(connection, *key, filters=filters, cursor=page.next_cursor, limit=EXPORT_PAGE)
        yield page
