"""A contact's profile, and the stretches of it that its script fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Response, request

from query.access import contact_not_found
from query.cursors import Cursor, InvalidCursorError
from query.page_frame import contact_id_in
from query.page_reads import ProfileAsk
from query.presentation.contacts import contact_card
from query.presentation.events import event_row
from query.presentation.histogram import draw
from query.presentation.profile import chips, matches, query_string
from query.presentation.runs import by_day
from query.presentation.times import clock, short_date
from query.shown_names import shown_names
from query.timeline import Event, Filters, Page
from schemas.times import format_time

if TYPE_CHECKING:
    from flask import Blueprint

    from query.page_frame import Frame
    from query.page_reads import ProfileRead
    from query.presentation.events import Reader

_LONGEST_TEXT: Final = 200
_MOST_NAMES: Final = 50
_MOST_ROWS: Final = 50


def add_profile(pages: Blueprint, frame: Frame) -> None:
    """Add `/contacts/:id` and its fragments `timeline`, `rows` and `identity`."""

    @pages.get("/contacts/<text>")
    def profile(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.workspace()
        reader, filters = frame.reader(workspace), _filters()
        cursor, event_id = _cursor(frame, workspace.id, contact_id), request.args.get("event")
        chosen = reader.catalogue.applied(filters, leave_out_hidden=True)
        ask = ProfileAsk(contact_id, chosen, cursor, event_id, reader.zone, reader.now, reader.catalogue.hidden)
        read = frame.reads.profile(workspace, ask)
        if read is None:
            raise contact_not_found()
        context = _profile(read, filters, reader)
        context |= _stretch(frame, workspace.id, contact_id, read.page, reader, opened=read.opened)
        return frame.render("profile.html", workspace=workspace, as_of=frame.as_of(reader), **context)

    @pages.get("/contacts/<text>/timeline")
    def timeline(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.fragment_workspace()
        cursor, reader = _cursor(frame, workspace.id, contact_id), frame.reader(workspace)
        chosen = reader.catalogue.applied(_filters(), leave_out_hidden=True)
        page = frame.reads.timeline(workspace.id, contact_id, chosen, cursor)
        return frame.render("timeline.html", **_stretch(frame, workspace.id, contact_id, page, reader))

    @pages.get("/contacts/<text>/rows")
    def rows(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.fragment_workspace()
        ids = request.args.getlist("id")[:_MOST_ROWS]
        events = frame.reads.events(workspace.id, contact_id, ids)
        reader, full = frame.reader(workspace), request.args.get("full") == "1"
        chosen = reader.catalogue.applied(_filters(), leave_out_hidden=not full)
        page = Page([event for event in events if matches(event, chosen)], None, None)
        return frame.render("timeline.html", **_stretch(frame, workspace.id, contact_id, page, reader, full=full))

    @pages.get("/contacts/<text>/identity")
    def identity(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.fragment_workspace()
        reader = frame.reader(workspace)
        contact = frame.reads.contact(workspace.id, contact_id, reader.catalogue.hidden)
        if contact is None:
            raise contact_not_found()
        return frame.render("identity.html", contact=contact_card(contact, reader), reader=reader)


def _filters() -> Filters:
    names = tuple(dict.fromkeys(name for name in request.args.getlist("name") if "\0" not in name))[:_MOST_NAMES]
    text = request.args.get("q", "").replace("\0", "").strip()[:_LONGEST_TEXT]
    return Filters(names=names, text=text or None)


def _cursor(frame: Frame, workspace_id: int, contact_id: int) -> Cursor | None:
    text = request.args.get("cursor")
    try:
        return frame.cursors.decode(text, f"{workspace_id}/{contact_id}") if text else None
    except InvalidCursorError:
        return None  # an old or mistyped link shows the newest events


def _profile(read: ProfileRead, filters: Filters, reader: Reader) -> dict[str, Any]:
    first, more = chips(shown_names(read.names, reader.catalogue), filters, read.contact.id)
    return {
        "contact": contact_card(read.contact, reader),
        "filters": filters,
        "position": read.position,
        "chips": first,
        "more_chips": more,
        "histogram": draw(read.histogram, reader),
        "now_iso": format_time(reader.now.replace(microsecond=0)),
    }


def _stretch(  # noqa: PLR0913 - what a stretch of a timeline is told by
    frame: Frame,
    workspace_id: int,
    contact_id: int,
    page: Page,
    reader: Reader,
    *,
    opened: Event | None = None,
    full: bool = False,
) -> dict[str, Any]:
    filters, of = _filters(), f"{workspace_id}/{contact_id}"
    older = frame.cursors.encode(page.next_cursor, of)
    newer = frame.cursors.encode(page.prev_cursor, of)
    rows = [event_row(event, reader, full=full or event == opened) for event in page.events]
    one_name = len(filters.names) == 1  # a list of one name alone would be nothing but runs
    today = reader.now.astimezone(reader.zone).date()
    searched = page.searched_back_to
    return {
        "reader": reader,
        "timeline": by_day(rows, zone=reader.zone, today=today, has_more=older is not None, collapse=not one_name),
        "opened": opened.id if opened else None,
        "older": older and f"/contacts/{contact_id}{query_string(filters, cursor=older)}",
        "older_fragment": older and f"/contacts/{contact_id}/timeline{query_string(filters, cursor=older)}",
        "newer": newer and f"/contacts/{contact_id}{query_string(filters, cursor=newer)}",
        "searched_back_to": searched
        and f"{short_date(searched.astimezone(reader.zone).date(), today)}, {clock(searched, reader.zone)}",
    }
