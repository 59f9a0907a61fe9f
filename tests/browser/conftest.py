"""A real Chromium, a running site over the sample, and an agent who is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import launch
from tests.browser.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.browser.server import SampleSite


@pytest.fixture(scope="session")
def chromium_browser() -> Iterator[Browser]:
    """Start one browser for the session."""
    with launch() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[SampleSite]:
    """Serve a sample of its own for each test."""
    with serve() as running:
        yield running


@pytest.fixture
def new_context(chromium_browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make browser contexts, each with an empty profile; a script's error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(**options: object) -> BrowserContext:
        defaults: dict[str, object] = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/Berlin"}
        context = chromium_browser.new_context(**(defaults | options))  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
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
def agent(site: SampleSite, new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Open pages as an agent who is signed in: `agent("/contacts/17", color_scheme="dark")`."""

    def open_page(path: str, **options: object) -> Page:
        context = new_context(**options)
        site.sign_in(context)
        page = context.new_page()
        page.goto(site.url + path)
        return page

    return open_page
