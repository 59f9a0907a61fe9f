"""Home, and the way in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flask import Response, redirect, request

from query.presentation.contacts import contact_line
from query.sessions import COOKIE, SESSION_LIFETIME, local_path
from query.signing import InvalidTokenError

if TYPE_CHECKING:
    from flask import Blueprint
    from werkzeug.wrappers import Response as AnyResponse

    from query.page_frame import Frame
    from query.workspaces import Workspace

_LONGEST_TEXT: Final = 200


def add_home(pages: Blueprint, frame: Frame) -> None:
    """Add `/`, its results alone for the script, `/sign-in` and `/sign-out`."""

    @pages.get("/")
    def home() -> Response:
        return frame.render("home.html", **_results(frame, frame.workspace()))

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
    text = " ".join(request.args.get("q", "").replace("\0", "").split())[:_LONGEST_TEXT]
    reader = frame.reader(workspace)
    contacts = [contact_line(contact, reader) for contact in frame.reads.contacts(workspace.id, text)]
    return {"workspace": workspace, "reader": reader, "text": text, "contacts": contacts}
