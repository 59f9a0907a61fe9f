"""The pages: home, profile, sidebar, sign-in, errors. Rendered on the server, readable without a script, then enhanced.

Pages hold personal data: no cache keeps them, no site may frame them (the sidebar alone, by those whom its workspace
names), and no address of ours is sent to anybody.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, g, redirect, request
from werkzeug.exceptions import HTTPException

from query.access import SignInRequiredError
from query.page_catalogue import add_catalogue
from query.page_deliveries import add_deliveries
from query.page_frame import Frame, SignedOutError
from query.page_home import add_home
from query.page_profile import add_profile
from query.page_sidebar import FRAMED, add_sidebar
from query.page_trace import add_trace
from query.sessions import local_path
from query.static_files import StaticFiles
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Response as AnyResponse

    from query.access import Access
    from query.cursors import CursorSigner
    from query.page_reads import PageReads
    from query.sessions import Sessions

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors "
)
_ADVICE: Final = {
    404: ("Not found", "There is nothing here, or it is not in your workspace."),
    503: ("Not available at the moment", "The timelines cannot be read right now. Nothing is lost. Try again shortly."),
}
_WORTH_COMPRESSING: Final = 1_024
_OURS: Final = ("Something went wrong", "This is on our side. Try again; if it stays so, pass on the number below.")
_THEIRS: Final = ("This cannot be done", "The address or the form is not one of ours.")


def build_pages(  # noqa: PLR0913 - everything the pages depend on
    *,
    reads: PageReads,
    access: Access,
    sessions: Sessions,
    cursors: CursorSigner,
    base_url: str,
    secure: bool,
    now: Callable[[], datetime],
) -> Blueprint:
    """Make the blueprint of all pages and their files."""
    static = StaticFiles(Path(__file__).parent / "static")
    frame = Frame(reads, access, sessions, cursors, static, base_url, secure, now)
    pages = Blueprint("pages", __name__, template_folder="templates")
    add_home(pages, frame)
    add_catalogue(pages, frame)
    add_deliveries(pages, frame)
    add_profile(pages, frame)
    add_trace(pages, frame)
    add_sidebar(pages, frame)
    _add_static(pages, static)
    _add_errors(pages, frame)
    pages.after_request(_guard)
    return pages


def _add_static(pages: Blueprint, static: StaticFiles) -> None:
    @pages.get("/static/<version>/<name>")
    def static_file(version: str, name: str) -> Response:
        response = static.response(version, name, request)
        if response is None:
            raise Problem(404, "not_found", "There is no such file.")
        return response


def _guard(response: Response) -> Response:
    ancestors = response.headers.pop(FRAMED, None) or "'none'"
    response.headers["Content-Security-Policy"] = _POLICY + ancestors
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    response.headers.setdefault("Cache-Control", "no-store")
    return _compress(response)


def _compress(response: Response) -> Response:
    """Compress a page: a profile goes from 100 kB to 10. There is no secret in pages that its length could tell."""
    if response.mimetype != "text/html" or "Content-Encoding" in response.headers:
        return response
    response.headers["Vary"] = "Accept-Encoding, Cookie"
    if request.accept_encodings["gzip"] and (response.content_length or 0) > _WORTH_COMPRESSING:
        response.set_data(gzip.compress(response.get_data(), compresslevel=4, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _add_errors(pages: Blueprint, frame: Frame) -> None:
    @pages.errorhandler(SignInRequiredError)
    def to_sign_in(_: SignInRequiredError) -> AnyResponse:
        path = request.full_path if request.query_string else request.path
        return redirect(f"/sign-in?{urlencode({'next': local_path(path)})}", 303)

    @pages.errorhandler(SignedOutError)
    def signed_out(_: SignedOutError) -> Response:
        return Response("Sign in again.", 401, content_type="text/plain; charset=utf-8")

    @pages.errorhandler(Problem)
    def answer_problem(problem: Problem) -> Response:
        return error_page(frame, problem.status)

    @pages.errorhandler(HTTPException)
    def answer_http(error: HTTPException) -> Response:
        return error_page(frame, error.code or 500)

    @pages.app_errorhandler(404)
    def answer_unknown(error: HTTPException) -> Response:
        if request.path.startswith("/api"):
            return Problem(404, "not_found", error.description or "").response(g.get("request_id"))
        return _guard(error_page(frame, 404))


def error_page(frame: Frame, status: int) -> Response:
    """Say what happened, in the reader's words."""
    heading, advice = _ADVICE.get(status) or (_OURS if status >= 500 else _THEIRS)  # noqa: PLR2004 - the server's errors
    retry = request.full_path.rstrip("?") if status >= 500 and request.method == "GET" else None  # noqa: PLR2004
    return frame.render("error.html", status, heading=heading, advice=advice, retry=retry)
