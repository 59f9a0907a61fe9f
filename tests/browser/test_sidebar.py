from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.helpdesk import Helpdesk, helpdesk
from tests.browser.story import EMPTY, LONG, ONGOING
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, FrameLocator, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
BEGAN = timedelta(minutes=15)


@pytest.fixture
def desk(site: Site) -> Iterator[Helpdesk]:
    with helpdesk() as running:
        site.let_frame([running.url])
        yield running


@pytest.fixture
def framed(site: Site, desk: Helpdesk, new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Open the helpdesk with a contact's sidebar."""

    def open_desk(
        contact_id: int = ONGOING, *, conversation: bool = True, own_clock: bool = False, **lifetime: timedelta
    ) -> Page:
        started_at = site.sample.now - BEGAN if conversation else None
        desk.src = site.sidebar_url(contact_id, started_at, **lifetime)
        page = new_context().new_page()
        if own_clock:
            page.clock.install()
        page.goto(desk.url)
        return page

    return open_desk


def sidebar(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


def test_it_shows_what_counts_within_250_pixels(framed: Callable[..., Page]) -> None:
    page = framed()
    before = sidebar(page).locator(".before")
    expect(before.locator("li").first).to_contain_text("Charge failed")
    expect(before.locator("li").first).to_contain_text("1 hour before")
    end = before.evaluate("section => section.getBoundingClientRect().bottom")
    assert end <= 250
    expect(sidebar(page).locator(".lines li[data-id]")).to_have_count(10)
    expect(sidebar(page).locator(".divider")).to_contain_text(re.compile(r"Conversation started \d\d:\d\d"))
    expect(sidebar(page).get_by_role("link", name="Open profile")).to_have_attribute("href", f"/contacts/{ONGOING}")


def test_the_token_leaves_the_address(site: Site, framed: Callable[..., Page]) -> None:
    page = framed()
    expect(sidebar(page).locator(".panel")).to_be_visible()
    frame = page.frames[1]
    assert frame.url == site.url + site.sidebar_shell


def test_without_a_conversation_there_is_no_before_and_no_divider(framed: Callable[..., Page]) -> None:
    page = framed(conversation=False)
    expect(sidebar(page).locator(".panel h1")).to_have_text("Amelia Fischer")
    expect(sidebar(page).locator(".before")).to_have_count(0)
    expect(sidebar(page).locator(".divider")).to_have_count(0)


def test_the_most_recent_changes_come_first_and_the_rest_on_demand(framed: Callable[..., Page]) -> None:
    page = framed()
    keys = sidebar(page).locator(".custom-data > .data dt")
    expect(keys).to_have_text(["order count", "billing status", "plan", "mrr", "store url", "country"])
    sidebar(page).get_by_text("Show all (10)").click()
    expect(sidebar(page).locator(".rest > .data > div > dt")).to_have_text(["features", "owner", "beta", "coupon"])


def test_an_event_arrives_while_the_agent_types(site: Site, framed: Callable[..., Page]) -> None:
    page = framed()
    until(page, lambda: site.streams, "the live stream")
    event_id = site.arrive(ONGOING, "charge_succeeded", timedelta(seconds=1), {"amount": 79, "currency": "EUR"})
    first = sidebar(page).locator(".lines li[data-id]").first
    expect(first).to_have_attribute("data-id", event_id)
    expect(first).to_contain_text("amount: 79 EUR")
    order = sidebar(page).locator(".lines > li").evaluate_all("rows => rows.map(row => row.className)")
    assert order.index("divider") == 1  # what came after the conversation began stands above it


@pytest.mark.parametrize("contact_id", [ONGOING, LONG, EMPTY])
def test_nothing_scrolls_sideways(framed: Callable[..., Page], contact_id: int) -> None:
    page = framed(contact_id)
    expect(sidebar(page).locator(".panel")).to_be_visible()
    assert page.frames[1].evaluate("document.documentElement.scrollWidth") <= 320


def test_it_asks_its_parent_for_the_next_token(site: Site, framed: Callable[..., Page]) -> None:
    page = framed(lifetime=timedelta(seconds=55))  # within the last minute: asks at once
    expect(sidebar(page).locator(".panel")).to_be_visible()
    page.evaluate("token => { window.answer = token }", site.sidebar_token(ONGOING, None))
    until(page, lambda: page.evaluate("window.asked"), "the question")
    page.evaluate(
        "() => document.querySelector('iframe').contentWindow.postMessage("
        "{type: 'contact-events:token', token: window.answer}, '*')"
    )
    expect(sidebar(page).locator(".before")).to_have_count(0)  # the new token's view
    expect(sidebar(page).get_by_text("Reopen the conversation")).to_be_hidden()


def test_when_nobody_answers_it_says_reopen(framed: Callable[..., Page]) -> None:
    page = framed(own_clock=True)
    expect(sidebar(page).locator(".panel h1")).to_have_text("Amelia Fischer")
    expect(sidebar(page).get_by_text("Reopen the conversation")).to_be_hidden()
    page.clock.fast_forward("10:01")
    expect(sidebar(page).get_by_text("Reopen the conversation")).to_be_visible()
    expect(sidebar(page).locator(".panel h1")).to_have_text("Amelia Fischer")  # what was there stays


def test_an_expired_token_says_reopen(framed: Callable[..., Page]) -> None:
    page = framed(lifetime=timedelta(seconds=-5))
    expect(sidebar(page).get_by_text("Reopen the conversation")).to_be_visible()


def test_a_stranger_may_not_frame_it(site: Site, desk: Helpdesk, new_context: Callable[..., BrowserContext]) -> None:
    site.let_frame(["https://helpdesk.example"])
    desk.src = site.sidebar_url(ONGOING, None)
    page = new_context().new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("requestfailed", lambda request: refused.append(request.url))
    page.goto(desk.url)
    until(page, lambda: refused, "the refusal")
    assert page.frames[1].locator(".panel").count() == 0


def test_messages_of_others_are_not_heard(site: Site, framed: Callable[..., Page]) -> None:
    page = framed()
    expect(sidebar(page).locator(".before")).to_be_visible()
    frame = page.frames[1]
    token = site.sidebar_token(EMPTY, None)
    frame.evaluate(  # from the frame itself: neither the parent nor an origin that the workspace names
        "token => { postMessage({type: 'contact-events:token', token}, '*') }", token
    )
    page.wait_for_timeout(300)
    expect(sidebar(page).locator(".panel h1")).to_have_text("Amelia Fischer")


def test_an_erased_contact_leaves_the_screen(site: Site, framed: Callable[..., Page]) -> None:
    page = framed()
    until(page, lambda: site.streams, "the live stream")
    site.sample.erase_contact(ONGOING)
    expect(sidebar(page).get_by_text("This contact is no longer there.")).to_be_visible()
    expect(sidebar(page).locator("main")).not_to_contain_text("Amelia")


def test_a_failure_keeps_the_panel_and_retry_reads_again(site: Site, framed: Callable[..., Page]) -> None:
    page = framed()
    until(page, lambda: site.streams, "the live stream")
    with site.failing():
        site.arrive(ONGOING, "login", timedelta(seconds=1))
        expect(sidebar(page).get_by_role("alert").filter(has_text="Could not load")).to_be_visible()
        expect(sidebar(page).locator(".lines li[data-id]")).to_have_count(10)
    sidebar(page).get_by_role("button", name="Retry").click()
    expect(sidebar(page).locator(".lines li[data-id]").first).to_contain_text("Login")
