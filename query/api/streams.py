"""`GET /api/v1/contacts/:id/event-stream`: server-sent events, resumed by position."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request

from query.parameters import Parameters
from query.shapes import contact_document, event_document, moment, one_line
from query.subscriptions import ContactChanged, EventAdded, Reached
from schemas.positions import InvalidPositionError, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from query.access import Viewer
    from query.services import Services
    from query.subscriptions import Change, Subscription

LONGEST_STREAM: Final = timedelta(hours=1)
"""Then the client connects again, and its credential is looked at again."""

HEARTBEAT_SECONDS: Final = 15.0
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events back until its buffer is full
}


def streams_blueprint(services: Services) -> Blueprint:
    """Make the route."""
    blueprint = Blueprint("api_streams", __name__, url_prefix="/api/v1/contacts/<contact_id>")

    @blueprint.get("/event-stream")
    def stream(contact_id: str) -> Response:
        viewer, id_ = services.access.contact_viewer(request, contact_id, "events:read")
        parameters = Parameters(request.args)
        after, position = parameters.position("after"), parameters.position()
        parameters.finish()
        after = _last_event_id() or after
        services.gate.wait(viewer.workspace_id, position)
        subscribing = services.live.subscribe(viewer.workspace_id, id_, after)
        subscription = subscribing.__enter__()  # here, so that what is wrong becomes an answer and not a broken stream
        body = _Body(subscribing, _messages(subscription, viewer, services.now))
        return Response(body, headers=_HEADERS, content_type="text/event-stream")

    return blueprint


def _last_event_id() -> Position | None:
    """Read what the browser sends when it connects again; an empty or foreign one is none."""
    try:
        return Position.decode(request.headers.get("Last-Event-ID", ""))
    except InvalidPositionError:
        return None


class _Body:
    """A response body that leaves its subscription however it ends, also when it was never begun."""

    def __init__(self, subscribing: AbstractContextManager[Subscription], messages: Iterator[bytes]) -> None:
        self._subscribing = subscribing
        self._messages = messages
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._messages)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave."""
        if self._open:
            self._open = False
            self._subscribing.__exit__(None, None, None)


def _messages(subscription: Subscription, viewer: Viewer, now: Callable[[], datetime]) -> Iterator[bytes]:
    ends_at = now() + LONGEST_STREAM
    if viewer.expires_at is not None:
        ends_at = min(ends_at, viewer.expires_at)
    yield b"retry: 2000\n\n"
    while not subscription.closed and (left := (ends_at - now()).total_seconds()) > 0:
        changes = subscription.take(min(left, HEARTBEAT_SECONDS))
        told = [message(change) for change in changes if _may_see(viewer, change)]
        yield b"".join(told) or b": still here\n\n"


def _may_see(viewer: Viewer, change: Change) -> bool:
    return not isinstance(change, ContactChanged) or "contacts:read" in viewer.scopes


def message(change: Change) -> bytes:
    """Write one server-sent event, its data in one line."""
    document: dict[str, Any] = {}
    if isinstance(change, EventAdded):
        document = event_document(change.event)
    elif isinstance(change, ContactChanged):
        document = contact_document(change.contact)
    elif isinstance(change, Reached):
        document = {"as_of": moment(change.as_of), "delayed": change.delayed}
    id_ = f"id: {change.position.encode()}\n" if change.position is not None else ""
    return f"event: {change.kind}\n{id_}data: ".encode() + one_line(document) + b"\n\n"
