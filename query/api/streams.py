"""`GET /api/v1/contacts/:id/event-stream`: server-sent events, resumed by position."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, request

from query.catalogue import NOTHING_SAID, leaves_out_hidden
from query.parameters import Parameters
from query.shapes import Document, contact_document, event_document, moment, one_line
from query.subscriptions import ContactChanged, EventAdded, Reached
from schemas.positions import InvalidPositionError, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from query.access import Viewer
    from query.catalogue import Catalogue, Catalogues
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
        without_hidden = leaves_out_hidden(viewer, parameters.flag("include_hidden"))
        parameters.finish()
        after = _last_event_id() or after
        services.gate.wait(viewer.workspace_id, position)
        services.catalogues.of(viewer.workspace_id, fresh=position is not None)
        subscribing = services.live.subscribe(viewer.workspace_id, id_, after)
        subscription = subscribing.__enter__()  # here, so that what is wrong becomes an answer and not a broken stream
        telling = _Telling(viewer, services.catalogues, without_hidden)
        body = _Body(subscribing, _messages(subscription, telling, services.now))
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


@dataclass(frozen=True, slots=True)
class _Telling:
    """To whom a stream tells what, in which words: the names' settings are those of the moment, some seconds ago."""

    viewer: Viewer
    catalogues: Catalogues
    without_hidden: bool

    def messages(self, changes: list[Change]) -> bytes:
        """Write those of the changes that may be told."""
        if not changes:
            return b""
        catalogue = self.catalogues.of(self.viewer.workspace_id)
        return b"".join(message(change, catalogue) for change in changes if self._may_see(change, catalogue))

    def _may_see(self, change: Change, catalogue: Catalogue) -> bool:
        if isinstance(change, EventAdded):
            return not (self.without_hidden and change.event.name in catalogue.hidden)
        return not isinstance(change, ContactChanged) or "contacts:read" in self.viewer.scopes


def _messages(subscription: Subscription, telling: _Telling, now: Callable[[], datetime]) -> Iterator[bytes]:
    ends_at = now() + LONGEST_STREAM
    if telling.viewer.expires_at is not None:
        ends_at = min(ends_at, telling.viewer.expires_at)
    yield b"retry: 2000\n\n"
    while not subscription.closed and (left := (ends_at - now()).total_seconds()) > 0:
        changes = subscription.take(min(left, HEARTBEAT_SECONDS))
        yield telling.messages(changes) or b": still here\n\n"


def message(change: Change, catalogue: Catalogue = NOTHING_SAID) -> bytes:
    """Write one server-sent event, its data in one line."""
    document: Document = {}
    if isinstance(change, EventAdded):
        document = event_document(change.event, catalogue)
    elif isinstance(change, ContactChanged):
        document = contact_document(change.contact)
    elif isinstance(change, Reached):
        document = {"as_of": moment(change.as_of), "delayed": change.delayed}
    id_ = f"id: {change.position.encode()}\n" if change.position is not None else ""
    return f"event: {change.kind}\n{id_}data: ".encode() + one_line(document) + b"\n\n"
