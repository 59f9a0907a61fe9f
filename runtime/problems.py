"""Errors as RFC 9457 problem documents: a stable `code`, and for each fault a JSON Pointer, the rule and the limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CONTENT_TYPE = "application/problem+json"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input. `pointer` is a JSON Pointer (RFC 6901) into the body, or a parameter's name."""

    pointer: str
    code: str
    message: str
    limit: int | str | None = None

    def document(self) -> dict[str, Any]:
        """Write the fault as it stands in an answer."""
        document = {"pointer": self.pointer, "code": self.code, "message": self.message}
        return document if self.limit is None else document | {"limit": self.limit}


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - the RFC's word for it
    """An answer that is an error. `detail` is a sentence for the reader; `extra` are further members."""

    status: int
    code: str
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Write the problem document. `type` is about:blank, so `title` is the status's own phrase, as the RFC asks."""
        document = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        document |= {"code": self.code, "detail": self.detail, **self.extra}
        if self.faults:
            document["errors"] = [fault.document() for fault in self.faults]
        return document

    def body(self, request_id: str | None = None) -> bytes:
        """Write the answer's body, naming the request, so that a report can be found in the logs."""
        return msgspec.json.encode(self.document() | ({"request_id": request_id} if request_id else {}))

    def response(self, request_id: str | None = None) -> Response:
        """Make the answer."""
        return Response(self.body(request_id), self.status, dict(self.headers), content_type=CONTENT_TYPE)


def as_problem(error: Exception) -> Problem:
    """Make any error a problem. One that nobody expected is ours, and logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        status = error.code or 500
        headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
        return Problem(status, HTTPStatus(status).name.lower(), error.description or "", headers=headers)
    log.error("unexpected error", exc_info=error)
    happened = "Something went wrong on our side; whether the request took effect is unknown."
    return Problem(500, "internal_error", f"{happened} Send it again with the same id.")


def install_problem_handlers(app: Flask, count: Callable[[str], None] = lambda _: None) -> None:
    """Make every error of an app a problem document; without this Flask answers in HTML. `count` is told each code."""

    @app.errorhandler(Exception)
    @app.errorhandler(HTTPException)
    @app.errorhandler(Problem)
    def answer(error: Exception) -> Response:
        if isinstance(error, HTTPException) and (error.code or 500) < HTTPStatus.BAD_REQUEST:  # such as a redirect
            return Response(status=error.code, headers=dict(error.get_headers()))
        problem = as_problem(error)
        count(problem.code)
        return problem.response(g.get("request_id"))
