"""A real Chromium, one running system for all, and for each test a workspace of its own with an agent signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site, beside
from tests.e2e.system import running_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.browser.site import World
    from tests.e2e.system import System
    from tests.parts import Parts

SEEN = 60_000
"""Milliseconds that anything may take to show: the machine may be busy."""
expect.set_options(timeout=SEEN)


@pytest.fixture(scope="session")
def system(stack: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run server and projector for the session."""
    with running_system(stack, tmp_path_factory.mktemp("system"), "Harbor & Pine") as running:
        yield running


@pytest.fixture(scope="session")
def world(system: System) -> Iterator[World]:
    """Serve the pages a second time, where a test can set the clock and break connections."""
    with beside(system) as running:
        yield running


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    """Make a workspace with the sample in it."""
    yield Site(world)
    world.front.recover()


@pytest.fixture(scope="module")
def common_site(world: World) -> Iterator[Site]:
    """Make one workspace for a whole module whose tests change nothing."""
    yield Site(world)
    world.front.recover()


@pytest.fixture
def new_context(chromium_browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make browser contexts, each with an empty profile; a script's error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(**options: object) -> BrowserContext:
        defaults: dict[str, object] = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/Berlin"}
        context = chromium_browser.new_context(**(defaults | options))  # type: ignore[arg-type]
        context.set_default_timeout(SEEN)
        context.on("weberror", lambda error: troubles.append(str(error.error)))
        context.on("console", lambda message: troubles.append(message.text) if _is_breach(message.text) else None)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def _is_breach(message: str) -> bool:
    return "Content Security Policy" in message and "frame-ancestors" not in message


@pytest.fixture
def agent(site: Site, new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Open pages as an agent who is signed in: `agent("/contacts/17", color_scheme="dark")`."""

    def open_page(path: str, **options: object) -> Page:
        context = new_context(**options)
        site.sign_in(context)
        page = context.new_page()
        page.goto(site.url + path)
        return page

    return open_page
