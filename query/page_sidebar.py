"""The conversation sidebar: a shell for the frame, and the panel that its script fetches with the sidebar's token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Response, request

from query.access import contact_not_found
from query.page_frame import contact_id_in
from query.presentation.contacts import contact_card
from query.presentation.events import before_conversation, event_row
from query.presentation.times import clock, short_date
from runtime.authentication import unauthorized
from schemas.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Blueprint

    from query.access import Viewer
    from query.page_frame import Frame
    from query.page_reads import SidebarRead
    from query.presentation.events import EventRow, Reader

FRAMED: Final = "frame_ancestors"


def add_sidebar(pages: Blueprint, frame: Frame) -> None:
    """Add `/embed/:workspace/sidebar` and `/embed/sidebar/panel`."""

    @pages.get("/embed/<text>/sidebar")
    def sidebar(text: str) -> Response:
        """Show nothing of the workspace but who may frame this page: it is open to everybody."""
        workspace = frame.reads.workspace(contact_id_in(text))
        origins = workspace.frame_ancestors if workspace else []
        answer = frame.render("sidebar.html", origins=origins)
        answer.headers[FRAMED] = " ".join(origins) or "'none'"
        return answer

    @pages.get("/embed/sidebar/panel")
    def panel() -> Response:
        viewer = frame.access.viewer(request)
        if viewer.kind != "sidebar" or viewer.contact_id is None:
            raise unauthorized("sidebar_token_required", "Send a sidebar token.")
        workspace = frame.reads.workspace(viewer.workspace_id)
        started_at = viewer.conversation.started_at if viewer.conversation else None
        hidden = frame.reads.catalogue(viewer.workspace_id).hidden
        read = frame.reads.sidebar(viewer.workspace_id, viewer.contact_id, started_at, hidden)
        if workspace is None or read is None:
            raise contact_not_found()
        reader = frame.reader(workspace, viewer.time_zone, request.args.get("zone"))
        return frame.render("panel.html", as_of=frame.as_of(reader), **_panel(read, viewer, reader, started_at))


def _panel(read: SidebarRead, viewer: Viewer, reader: Reader, started_at: datetime | None) -> dict[str, Any]:
    card = contact_card(read.contact, reader)
    by_key = {item.key: item for item in card.custom_data}
    telling = [by_key.pop(key) for key in card.telling]
    rows = [event_row(event, reader) for event in read.newest]
    before: tuple[Any, ...] = ()
    divider = None
    if started_at is not None:
        before = before_conversation(tuple(event_row(event, reader) for event in read.before), started_at, reader.zone)
        divider = sum(row.occurred_at > started_at for row in rows)
    return {
        "reader": reader,
        "contact": card,
        "position": read.position,
        "telling": telling,
        "rest": list(by_key.values()),
        "rows": [(row, _place(row, reader)) for row in rows],
        "before": before,
        "conversation": viewer.conversation,
        "divider": divider,
        "started_at": started_at and _moment(started_at, reader),
        "expires_at": format_time(viewer.expires_at) if viewer.expires_at else "",
    }


def _place(row: EventRow, reader: Reader) -> str:
    """Say when, in the least room: the time of day today, else the day."""
    today = reader.now.astimezone(reader.zone).date()
    day = row.occurred_at.astimezone(reader.zone).date()
    return row.clock if day == today else short_date(day, today)


def _moment(moment: datetime, reader: Reader) -> str:
    today = reader.now.astimezone(reader.zone).date()
    day = moment.astimezone(reader.zone).date()
    time = clock(moment, reader.zone)
    return time if day == today else f"{short_date(day, today)}, {time}"
