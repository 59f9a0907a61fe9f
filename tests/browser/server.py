"""Serves the pages over the sample: real access checks, real cookies, a live stream that tests can speak through."""

from __future__ import annotations

import json
import queue
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.serving import make_server

from query.access import Access
from query.cursors import CursorSigner
from query.pages import build_pages
from query.sessions import COOKIE, Sessions
from query.sidebar_tokens import Conversation, SidebarTokens
from runtime.authentication import KeyRing
from schemas.api_keys import ApiKey, StoredKey
from schemas.times import format_time
from tests.browser.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext
    from werkzeug.serving import BaseWSGIServer

SECRET = "a secret of the browser tests, long enough"


class SampleSite:
    """The running site. `send` speaks into every open live stream; `failing` makes every fragment fail."""

    def __init__(self, sample: Sample, now: Callable[[], datetime]) -> None:
        self.sample = sample
        self.now = now
        self.failing = False
        self.url = ""
        self.streams: list[queue.Queue[str | None]] = []
        self.sessions = Sessions(SECRET, now)
        self.tokens = SidebarTokens(SECRET, now)

    def sign_in_link(self, path: str) -> str:
        """Make a link that signs in and leads to a page."""
        return self.sessions.sign_in_link(self.url, 1, path)

    def sign_in(self, context: BrowserContext) -> None:
        """Give a browser an agent's session."""
        _, cookie = self.sessions.open(self.sign_in_link("/").partition("#")[2])
        context.add_cookies([{"name": COOKIE, "value": cookie, "url": self.url}])

    def sidebar_url(
        self, contact_id: int, started_at: datetime | None, lifetime: timedelta = timedelta(minutes=10)
    ) -> str:
        """Make the address of a sidebar with its token."""
        return f"{self.url}/embed/1/sidebar#{self.sidebar_token(contact_id, started_at, lifetime)}"

    def sidebar_token(
        self, contact_id: int, started_at: datetime | None, lifetime: timedelta = timedelta(minutes=10)
    ) -> str:
        """Mint a sidebar token."""
        conversation = Conversation("c-1", started_at) if started_at else None
        return self.tokens.mint(1, contact_id, conversation=conversation, lifetime=lifetime).text

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Say something in every live stream."""
        for stream in list(self.streams):
            stream.put(f"event: {event}\ndata: {json.dumps(data)}\n\n")

    def arrive(self, contact_id: int, name: str, before: timedelta, properties: dict[str, Any] | None = None) -> str:
        """Let an event arrive and be told of; its id."""
        event = self.sample.add(contact_id, name, before, properties)
        self.send("event", event_document(event))
        return event.id

    def app(self) -> Flask:
        """Make the application."""
        app = Flask("sample", static_folder=None)
        keys: KeyRing[ApiKey, StoredKey] = KeyRing(parse=ApiKey.parse, find=lambda _: None, now=self.now)
        access = Access(keys, self.sessions, self.tokens)

        @app.before_request
        def fail() -> Response | None:
            fragment = request.path.endswith(("/timeline", "/rows", "/identity", "/panel", "/find"))
            return Response("broken on purpose", 503) if self.failing and fragment else None

        @app.get("/api/v1/contacts/<int:contact_id>/event-stream")
        def stream(contact_id: int) -> Response:
            access.contact_viewer(request, str(contact_id), "events:read")
            return Response(self._stream(), content_type="text/event-stream")

        @app.get("/api/v1/contacts/<int:contact_id>/events/<event_id>")
        def event(contact_id: int, event_id: str) -> dict[str, Any]:
            return event_document(self.sample.events(1, contact_id, [event_id])[0])

        pages = build_pages(
            reads=self.sample,
            access=access,
            sessions=self.sessions,
            cursors=CursorSigner(SECRET),
            base_url=self.url,
            secure=False,
            now=self.now,
        )
        app.register_blueprint(pages)
        return app

    def _stream(self) -> Iterator[str]:
        mine: queue.Queue[str | None] = queue.Queue()
        self.streams.append(mine)
        try:
            yield ": open\n\n"
            while (text := mine.get()) is not None:
                yield text
        finally:
            self.streams.remove(mine)


def event_document(event: Any) -> dict[str, Any]:  # noqa: ANN401 - an event of the sample
    """Write an event as the API does."""
    return {
        "id": event.id,
        "contact_id": event.contact_id,
        "name": event.name,
        "occurred_at": format_time(event.occurred_at),
        "received_at": format_time(event.received_at),
        "properties": json.loads(event.properties),
    }


@contextmanager
def serve(
    now: Callable[[], datetime] = lambda: datetime.now(UTC), sample: Sample | None = None
) -> Iterator[SampleSite]:
    """Serve a sample on a free port, a fresh one unless it is given."""
    site = SampleSite(sample or Sample(now()), now)
    with serving(Flask("placeholder")) as server:
        site.url = f"http://127.0.0.1:{server.port}"
        server.app = site.app()
        yield site
        for stream in site.streams:
            stream.put(None)


@contextmanager
def serving(app: Flask) -> Iterator[BaseWSGIServer]:
    """Run an app on a free port in a thread."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
