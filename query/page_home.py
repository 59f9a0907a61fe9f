"""Home, and the way in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Response, redirect, request

from query.cursors import Cursor, InvalidCursorError
from query.page_views import added_filters, read_contact_view
from query.presentation.contacts import contact_line
from query.presentation.times import short_date
from query.sessions import COOKIE, SESSION_LIFETIME, local_path
from query.signing import InvalidTokenError

if TYPE_CHECKING:
    from flask import Blueprint
    from werkzeug.wrappers import Response as AnyResponse

    from query.page_frame import Frame
    from query.workspaces import Workspace


def add_home(pages: Blueprint, frame: Frame) -> None:
    """Add `/`, its results alone for the script, `/sign-in` and `/sign-out`."""

    @pages.get("/")
    def home() -> AnyResponse:
        workspace = frame.workspace()
        added = added_filters(read_contact_view())
        if added is not None:
            return redirect(added.address(), 303)
        return frame.render("home.html", **_results(frame, workspace))

    @pages.get("/find")
    def find() -> Response:
        return frame.render("contact_list.html", **_results(frame, frame.fragment_workspace()))

    @pages.get("/sign-in")
    def sign_in() -> Response:
        return frame.render("sign_in.html", next=local_path(request.args.get("next")), failed=False)

    @pages.post("/sign-in")
    def open_session() -> AnyResponse:
        path = local_path(request.form.get("next"))
        token = _token(request.form.get("token", ""))
        try:
            _, cookie = frame.sessions.open(token)
        except InvalidTokenError:
            return frame.render("sign_in.html", 403, next=path, failed=True)
        answer = redirect(path, 303)
        lifetime = int(SESSION_LIFETIME.total_seconds())
        answer.set_cookie(COOKIE, cookie, max_age=lifetime, httponly=True, secure=frame.secure, samesite="Lax")
        return answer

    @pages.post("/sign-out")
    def close_session() -> AnyResponse:
        answer = redirect("/sign-in", 303)
        answer.delete_cookie(COOKIE, httponly=True, secure=frame.secure, samesite="Lax")
        return answer


def _token(pasted: str) -> str:
    """Take the token out of what was pasted: the whole link, or the token alone."""
    return urlsplit(pasted.strip()).fragment or pasted.strip()


def _results(frame: Frame, workspace: Workspace) -> dict[str, Any]:
    reader, view = frame.reader(workspace), read_contact_view()
    of = f"{workspace.id}/home/{view.address()}"
    read = frame.reads.contacts(workspace.id, view.text, view.chosen(reader), _cursor(frame, of))
    contacts = frame.reads.seen(workspace.id, read.contacts, reader.catalogue.hidden)
    searched = read.searched_back_to
    today = reader.now.astimezone(reader.zone).date()
    further = frame.cursors.encode(read.next_cursor, of)
    return {
        "workspace": workspace,
        "reader": reader,
        "view": view,
        "text": view.text,
        "filters": view.chips(reader),
        "contacts": [contact_line(contact, reader) for contact in contacts],
        "further": further and view.address(cursor=further),
        "searched_back_to": searched and short_date(searched.astimezone(reader.zone).date(), today),
    }


def _cursor(frame: Frame, of: str) -> Cursor | None:
    text = request.args.get("cursor")
    try:
        return frame.cursors.decode(text, of) if text else None
    except InvalidCursorError:
        return None  # an old link shows the beginning
