"""A contact's profile, now or as it was at a moment, and the stretches of it that its script fetches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flask import Response, request

from query.access import contact_not_found
from query.cursors import Cursor, InvalidCursorError
from query.history import HistoryTooLongError, NotCreatedYet
from query.history_fold import ContactChange
from query.merged_page import MergedPage
from query.page_frame import contact_id_in
from query.page_views import read_view
from query.presentation.changes import change_row
from query.presentation.contacts import contact_card
from query.presentation.events import event_row
from query.presentation.histogram import draw
from query.presentation.profile import chips, matches
from query.presentation.runs import by_day
from query.presentation.times import clock, exact, short_date
from query.presentation.view import as_of_text, range_text
from query.profile_reads import ProfileAsk
from query.shown_names import shown_names
from schemas.times import format_time

if TYPE_CHECKING:
    from flask import Blueprint

    from query.page_frame import Frame
    from query.presentation.events import Reader
    from query.presentation.view import View
    from query.profile_reads import ProfileRead
    from query.timeline import Event, Filters
    from query.workspaces import Workspace

_MOST_ROWS: Final = 50


def add_profile(pages: Blueprint, frame: Frame) -> None:
    """Add `/contacts/:id` and its fragments `timeline`, `rows` and `identity`."""

    @pages.get("/contacts/<text>")
    def profile(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.workspace()
        reader, view = _asked(frame, workspace, contact_id)
        return _show(frame, workspace, view, reader)

    @pages.get("/contacts/<text>/timeline")
    def timeline(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.fragment_workspace()
        reader, view = _asked(frame, workspace, contact_id)
        cursor = _cursor(frame, workspace.id, contact_id)
        chosen = _chosen(view, reader)
        page = frame.reads.timeline(workspace.id, contact_id, chosen, cursor, changes=view.changes)
        return frame.render("timeline.html", **_stretch(frame, workspace.id, view, page, reader))

    @pages.get("/contacts/<text>/rows")
    def rows(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.fragment_workspace()
        events = frame.reads.events(workspace.id, contact_id, request.args.getlist("id")[:_MOST_ROWS])
        (reader, view), full = _asked(frame, workspace, contact_id), request.args.get("full") == "1"
        chosen = _chosen(view, reader, leave_out_hidden=not full)
        page = MergedPage([event for event in events if matches(event, chosen)], None, None)
        return frame.render("timeline.html", **_stretch(frame, workspace.id, view, page, reader, full=full))

    @pages.get("/contacts/<text>/identity")
    def identity(text: str) -> Response:
        contact_id, workspace = contact_id_in(text), frame.fragment_workspace()
        reader = frame.reader(workspace)
        contact = frame.reads.contact(workspace.id, contact_id, reader.catalogue.hidden)
        if contact is None:
            raise contact_not_found()
        return frame.render("identity.html", contact=contact_card(contact, reader), reader=reader)


def _asked(frame: Frame, workspace: Workspace, contact_id: int) -> tuple[Reader, View]:
    reader = frame.reader(workspace)
    view = read_view(contact_id, reader)
    return replace(reader, as_of=view.as_of), view


def _chosen(view: View, reader: Reader, *, leave_out_hidden: bool = True) -> Filters:
    chosen = reader.catalogue.applied(view.filters, leave_out_hidden=leave_out_hidden)
    return view.in_range(chosen, reader.zone)


def _show(frame: Frame, workspace: Workspace, view: View, reader: Reader) -> Response:
    cursor, event_id = _cursor(frame, workspace.id, view.contact_id), request.args.get("event")
    ask = ProfileAsk(
        view.contact_id,
        _chosen(view, reader),
        cursor,
        event_id,
        reader.zone,
        reader.now,
        reader.catalogue.hidden,
        view.changes,
        view.as_of,
    )
    try:
        read = frame.reads.profile(workspace, ask)
    except HistoryTooLongError as error:
        advice = f"This contact has changed more than {error.limit:,} times: how it was then cannot be told."
        return frame.render("error.html", 422, heading="Too many changes", advice=advice, back=view.now().address())
    if read is None:
        raise contact_not_found()
    if isinstance(read, NotCreatedYet):
        advice = f"This contact did not exist yet. It was created on {exact(read.created_at, reader.zone)}."
        return frame.render("error.html", 404, heading="Not created yet", advice=advice, back=view.now().address())
    context = _profile(read, view, reader)
    context |= _stretch(frame, workspace.id, view, read.page, reader, opened=read.opened)
    return frame.render("profile.html", workspace=workspace, as_of=frame.as_of(reader), **context)


def _cursor(frame: Frame, workspace_id: int, contact_id: int) -> Cursor | None:
    text = request.args.get("cursor")
    try:
        return frame.cursors.decode(text, f"{workspace_id}/{contact_id}") if text else None
    except InvalidCursorError:
        return None  # an old or mistyped link shows the newest events


def _profile(read: ProfileRead, view: View, reader: Reader) -> dict[str, Any]:
    first, more = chips(shown_names(read.names, reader.catalogue), view)
    local = reader.moment.astimezone(reader.zone)
    return {
        "contact": contact_card(read.contact, reader),
        "filters": view.filters,
        "range": range_text(view, reader),
        "then": as_of_text(view, reader),
        "total": f"{read.contact.event_count:,}{'' if read.counted_all else '+'}",
        "today": reader.now.astimezone(reader.zone).date().isoformat(),
        "moment": f"{local:%Y-%m-%dT%H:%M}",
        "position": read.position,
        "chips": first,
        "more_chips": more,
        "histogram": draw(read.histogram, reader, view),
        "now_iso": format_time(reader.now.replace(microsecond=0)),
    }


def _stretch(  # noqa: PLR0913 - what a stretch of a timeline is told by
    frame: Frame,
    workspace_id: int,
    view: View,
    page: MergedPage,
    reader: Reader,
    *,
    opened: Event | None = None,
    full: bool = False,
) -> dict[str, Any]:
    of = f"{workspace_id}/{view.contact_id}"
    older = frame.cursors.encode(page.next_cursor, of)
    newer = frame.cursors.encode(page.prev_cursor, of)
    rows = [
        change_row(item, reader)
        if isinstance(item, ContactChange)
        else event_row(item, reader, full=full or item == opened)
        for item in page.items
    ]
    one_name = len(view.filters.names) == 1  # a list of one name alone would be nothing but runs
    today = reader.now.astimezone(reader.zone).date()
    searched = page.searched_back_to
    return {
        "reader": reader,
        "view": view,
        "timeline": by_day(rows, zone=reader.zone, today=today, has_more=older is not None, collapse=not one_name),
        "opened": opened.id if opened else None,
        "older": older and view.address(cursor=older),
        "older_fragment": older and view.address(under="/timeline", cursor=older),
        "newer": newer and view.address(cursor=newer),
        "searched_back_to": searched
        and f"{short_date(searched.astimezone(reader.zone).date(), today)}, {clock(searched, reader.zone)}",
    }
