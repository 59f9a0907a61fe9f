"""What the server itself says on a page when new events are not yet on the timelines: no stream has a part in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from query.presentation.times import clock
from tests.browser.story import ONGOING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
SEVEN_MINUTES = timedelta(minutes=7)


def delay_as_of(moment: datetime) -> re.Pattern[str]:
    """Match the bar's text: all was complete half a minute before the moment, or later."""
    stamps = [clock(moment - timedelta(seconds=age), ZoneInfo("Europe/Berlin")) for age in (30, 0)]
    return re.compile(f"^Updates delayed · as of ({'|'.join(stamps)})$")


def test_a_profile_says_so_without_scripts(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}", java_script_enabled=False)
    bar = page.locator(".delayed")
    expect(bar).to_be_hidden()
    with site.projector_frozen(SEVEN_MINUTES):
        page.reload()
        expect(bar).to_be_visible()
        expect(bar).to_have_text(delay_as_of(datetime.now(UTC)))
        expect(page.locator(".event").first).to_be_visible()


def test_the_sidebar_says_so_before_it_has_a_stream(site: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    page.route("**/event-stream*", lambda _: None)  # neither opens nor fails
    page.goto(site.sidebar_url(ONGOING, None))
    bar = page.locator(".delayed")
    expect(page.locator(".lines li").first).to_be_visible()
    expect(bar).to_be_hidden()
    with site.projector_frozen(SEVEN_MINUTES):
        page.goto("about:blank")
        page.goto(site.sidebar_url(ONGOING, None))
        expect(bar).to_be_visible()
        expect(bar).to_have_text(delay_as_of(datetime.now(UTC)))
