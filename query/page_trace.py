"""`/contacts/:id/events/:event_id/trace`: what became of an event, for whoever asks where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from query.access import contact_not_found
from query.api.events import EVENT_ID
from query.page_frame import contact_id_in
from query.presentation.contacts import contact_card
from query.presentation.times import exact
from query.presentation.traces import traced
from query.trace import EventErasedError
from runtime.problems import Problem

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from query.page_frame import Frame


def add_trace(pages: Blueprint, frame: Frame) -> None:
    """Add the page."""

    @pages.get("/contacts/<text>/events/<event_id>/trace")
    def trace(text: str, event_id: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.workspace()
        reader = frame.reader(workspace)
        if not EVENT_ID.fullmatch(event_id):
            raise Problem(404, "event_not_found", "There is no such event.")
        try:
            read = frame.reads.trace(workspace.id, contact_id, event_id)
        except EventErasedError as error:
            advice = f"It was erased on {exact(error.erasure.erased_at, reader.zone)}. Nothing of it is kept."
            back = f"/contacts/{contact_id}"
            return frame.render("error.html", 410, heading="This event was erased", advice=advice, contact_page=back)
        if read is None:
            raise contact_not_found()
        contact, way = read
        if way is None:
            raise Problem(404, "event_not_found", "There is no such event.")
        card = contact_card(contact, reader)
        return frame.render("trace.html", workspace=workspace, reader=reader, contact=card, trace=traced(way, reader))
