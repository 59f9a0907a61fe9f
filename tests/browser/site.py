"""The real query service beside the running system, and on it a workspace of its own for each test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from flask import Flask

from query.main import build
from query.sessions import COOKIE, Sessions
from query.sidebar_tokens import Conversation, SidebarTokens
from tests.browser.front import Front
from tests.browser.log import Log
from tests.browser.sample import Sample
from tests.browser.server import serving
from tests.browser.story import tell

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import BrowserContext

    from tests.e2e.system import System


class Clock:
    """The service's clock; `ahead` lets a test come later without waiting."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class World:
    """What all tests share: the system's parts, and a query service whose clock and front obey the tests."""

    system: System
    log: Log
    clock: Clock
    front: Front
    url: str

    def run(self, statement: str, *parameters: object) -> int:
        """Change the write side; the number that the statement returns."""
        with psycopg.connect(self.system.environment["DATABASE_URL"]) as connection:
            row = connection.execute(statement, parameters).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def beside(system: System) -> Iterator[World]:
    """Serve the query service on a port of its own, on the system's tables."""
    clock = Clock()
    with serving(Flask("not built yet")) as server, Log(system) as log:
        url = f"http://127.0.0.1:{server.port}"
        service = build(system.environment | {"BASE_URL": url, "THREADS": "400"}, clock)
        server.app = front = Front(service.app)
        try:
            yield World(system, log, clock, front, url)
        finally:
            service.close()


class Site:
    """The pages of one test's workspace, and what may happen to them."""

    def __init__(self, world: World, name: str = "Harbor & Pine", time_zone: str = "Europe/Berlin") -> None:
        self._world = world
        self.url = world.url
        insert = "INSERT INTO write_side.workspaces (name, time_zone) VALUES (%s, %s) RETURNING id"
        self.workspace_id = world.run(insert, name, time_zone)
        self.sessions = Sessions(world.system.environment["SECRET_KEY"], world.clock)
        self.tokens = SidebarTokens(world.system.environment["SECRET_KEY"], world.clock)
        self.sample = Sample(world.log, self.workspace_id, datetime.now(UTC))
        tell(self.sample)
        world.log.settle()

    def let_frame(self, origins: Sequence[str]) -> None:
        """Say who may frame the sidebar."""
        update = "UPDATE write_side.workspaces SET frame_ancestors = %s WHERE id = %s RETURNING id"
        self._world.run(update, list(origins), self.workspace_id)

    def live_in(self, time_zone: str) -> None:
        """Give the workspace another time zone."""
        update = "UPDATE write_side.workspaces SET time_zone = %s WHERE id = %s RETURNING id"
        self._world.run(update, time_zone, self.workspace_id)

    def sign_in_link(self, path: str) -> str:
        """Make a link that signs in and leads to a page."""
        return self.sessions.sign_in_link(self.url, self.workspace_id, path)

    def cookie(self) -> str:
        """Open an agent's session."""
        return self.sessions.open(self.sign_in_link("/").partition("#")[2])[1]

    def sign_in(self, context: BrowserContext) -> None:
        """Give a browser an agent's session."""
        context.add_cookies([{"name": COOKIE, "value": self.cookie(), "url": self.url}])

    @property
    def sidebar_shell(self) -> str:
        """The path of the sidebar, as it stands in a frame's address."""
        return f"/embed/{self.workspace_id}/sidebar"

    def sidebar_url(
        self, contact_id: int, started_at: datetime | None, lifetime: timedelta = timedelta(minutes=10)
    ) -> str:
        """Make the address of a sidebar with its token."""
        return f"{self.url}{self.sidebar_shell}#{self.sidebar_token(contact_id, started_at, lifetime)}"

    def sidebar_token(
        self, contact_id: int, started_at: datetime | None, lifetime: timedelta = timedelta(minutes=10)
    ) -> str:
        """Mint a sidebar token."""
        conversation = Conversation("c-1", started_at) if started_at else None
        return self.tokens.mint(self.workspace_id, contact_id, conversation=conversation, lifetime=lifetime).text

    def arrive(self, contact_id: int, name: str, before: timedelta, properties: dict[str, Any] | None = None) -> str:
        """Let an event arrive; its id."""
        event = self.sample.add(contact_id, name, before, properties)
        self._world.log.acknowledged()
        return event.id

    def settle(self) -> None:
        """Wait until all that the sample has written is in the tables."""
        self._world.log.settle()

    @property
    def streams(self) -> Sequence[socket.socket]:
        """The live streams that are open."""
        return self._world.front.streams

    def cut_streams(self) -> None:
        """Break the live streams' connections."""
        self._world.front.cut()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Let everything that a page's script fetches fail."""
        self._world.front.failing = True
        try:
            yield
        finally:
            self._world.front.failing = False

    @contextmanager
    def projector_frozen(self, ago: timedelta) -> Iterator[None]:
        """Freeze the projector; to the pages it is as if that had happened so long ago."""
        with self._world.system.projector_frozen():
            self._world.clock.ahead = ago
            try:
                yield
            finally:
                self._world.clock.ahead = timedelta()
