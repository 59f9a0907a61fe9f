"""The catalogue of event names, and what is said there of a name as agents see it."""

from __future__ import annotations

import os
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.story import HOSTILE, HOSTILE_TEXTS, ONGOING
from tests.browser.test_accessibility import violations
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("CATALOGUE_SHOTS")
PAGES = ("/event-names", "/event-name?name=Plan+Upgraded", "/event-name?name=plan_upgraded", "/event-names?q=nothing")


def shot(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at them."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def tell(site: Site) -> Site:
    """Let three spellings of one name arrive, a property change its type, and settings be made."""
    sample, hour = site.sample, timedelta(hours=1)
    for number in range(3):
        sample.add(ONGOING, "Plan Upgraded", hour * (number + 3), {"from_plan": "starter", "to_plan": "pro"})
    upgrade = {"from_plan": "pro", "to_plan": "scale", "mrr_delta": "50"}
    sample.add(ONGOING, "plan_upgarded", hour / 10, upgrade)
    sample.add(ONGOING, "plan_upgraded", hour / 12, upgrade)
    sample.add(ONGOING, "plan_upgraded", hour / 9, {"mrr_delta": 20})
    for number in range(5):
        sample.add(ONGOING, "heartbeat", hour * number, {"n": number})
    sample.add(ONGOING, "seat_added_v1", 40 * hour)
    sample.say("plan_upgraded", description="The shop moved to a larger plan.", template="{from_plan} → {to_plan}")
    sample.say("heartbeat", hidden=True)
    sample.say("seat_added_v1", archived=True)
    sample.say("order_synced", alias="Order came in", pinned=True)
    sample.say("login", tone="attention")
    site.settle()
    return site


@pytest.fixture
def told(common_site: Site) -> Site:
    if not common_site.sample.is_told("plan_upgarded"):
        tell(common_site)
    return common_site


@pytest.fixture
def site(told: Site) -> Site:
    return told


def test_the_catalogue_shows_every_name_and_what_may_be_one(agent: Callable[..., Page]) -> None:
    page = agent("/event-names")
    shot(page, "catalogue-light")
    here = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Event names")
    expect(here).to_have_attribute("aria-current", "page")
    alike = page.locator(".alike > li").filter(has_text="plan_upgraded")
    expect(alike.locator("code").first).to_be_visible()
    assert {"Plan Upgraded 3", "plan_upgarded 1"} <= set(alike.locator("a").all_inner_texts())
    alike.get_by_text("Make them one").click()
    expect(alike.locator("pre")).to_contain_text("contact-events event-names set --alias plan_upgraded plan_upgarded")
    first = page.locator(".names > li").first
    expect(first.locator(".title")).to_have_text("Order came in")
    expect(first.locator("code")).to_have_text("order_synced")
    expect(first).to_contain_text("pinned")
    row = page.locator(".names > li", has=page.locator("code", has_text=re.compile("^plan_upgraded$")))
    expect(row).to_contain_text("The shop moved to a larger plan.")
    expect(row.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"in the last 12 weeks; \d+ in the last"))


def test_archived_names_are_folded_away(agent: Callable[..., Page]) -> None:
    page = agent("/event-names")
    archived = page.locator(".archived code", has_text="seat_added_v1")
    expect(archived).to_be_hidden()
    page.get_by_text("Archived (1)").click()
    expect(archived).to_be_visible()


def test_a_search_finds_by_name_and_description(agent: Callable[..., Page]) -> None:
    page = agent("/event-names?q=larger+plan")
    expect(page.locator(".names code")).to_have_text(["plan_upgraded"])
    page.get_by_role("searchbox").fill("nothing at all")
    page.keyboard.press("Enter")
    expect(page.locator(".blank")).to_contain_text("nothing at all")


def test_one_name_shows_its_properties_and_where_they_changed_their_type(agent: Callable[..., Page]) -> None:
    page = agent("/event-names")
    page.locator(".names a", has=page.locator("code", has_text=re.compile("^plan_upgraded$"))).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Plan upgraded")
    shot(page, "name-light")
    drifted = page.locator(".drift tbody.attention")
    expect(drifted).to_have_count(1)
    expect(drifted.locator("th")).to_contain_text("mrr_delta")
    assert {text.split()[0] for text in drifted.locator("td:nth-of-type(1)").all_inner_texts()} == {"number", "string"}
    expect(page.get_by_text("Perhaps the same")).to_be_visible()
    page.get_by_text("Change it").click()
    expect(page.locator("pre").last).to_contain_text("curl -X PATCH")


def test_an_unknown_name_is_not_found(agent: Callable[..., Page]) -> None:
    for path in ("/event-name", "/event-name?name=nobody", "/event-name?name=%00"):
        expect(agent(path).get_by_role("heading", level=1)).to_have_text("Not found")


def test_a_profile_shows_names_as_the_catalogue_says(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    shot(page, "profile-light")
    rows = page.locator(".list .event")
    upgraded = rows.filter(has=page.locator(".title", has_text=re.compile("^Plan upgraded$"))).first
    expect(upgraded.locator(".facts")).to_have_text("pro → scale")
    without = rows.filter(has_text="mrr delta: 20").first  # a property of the template is missing
    expect(without.locator(".title")).to_have_text("Plan upgraded")
    chips = page.locator(".chip")
    expect(chips.first).to_contain_text("Order came in")
    order = rows.filter(has=page.locator(".title", has_text="Order came in")).first
    order.locator("summary").click()
    expect(order.locator(".raw code")).to_have_text("order_synced")
    expect(rows.locator(".title", has_text="Heartbeat")).to_have_count(0)
    expect(page.locator("li.attention .title", has_text="Login").first).to_be_visible()
    page.locator(".more summary").click()
    page.locator(".menu a", has_text="Heartbeat").click()
    expect(page.locator(".list .event")).to_have_count(5)


def test_filtering_by_an_alias_shows_all_that_is_shown_as_it(agent: Callable[..., Page], site: Site) -> None:
    page = agent(f"/contacts/{ONGOING}?name=Order+came+in")
    expect(page.locator(".chip[aria-current]")).to_contain_text("Order came in")
    assert page.locator(".list .event").count() > 10
    until(page, lambda: site.streams, "the page to open its live stream")
    total = page.locator(".total").inner_text()
    site.arrive(ONGOING, "heartbeat", timedelta())
    arrived = site.arrive(ONGOING, "order_synced", timedelta())
    expect(page.locator(f'.event[data-id="{arrived}"]')).to_be_visible()
    assert page.locator(".total").inner_text() != total
    expect(page.locator(".event .title", has_text="Heartbeat")).to_have_count(0)


def test_a_sidebar_shows_the_same(agent: Callable[..., Page], site: Site) -> None:
    page = agent("/sign-in", viewport={"width": 320, "height": 720})
    page.goto(site.sidebar_url(ONGOING, site.sample.now))
    expect(page.locator(".before .title").first).to_have_text("Order came in")  # it is pinned
    expect(page.locator(".recent .title", has_text="Heartbeat")).to_have_count(0)
    expect(page.locator(".recent")).to_contain_text("pro → scale")
    shot(page, "sidebar-light")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_are_accessible_and_never_scroll_sideways(
    agent: Callable[..., Page], scheme: str, width: int
) -> None:
    for number, path in enumerate(PAGES):
        page = agent(path, color_scheme=scheme, viewport={"width": width, "height": 800})
        for summary in page.locator("summary:visible").all():
            summary.click()
        shot(page, f"page{number}-{scheme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert violations(page) == [], path


def test_the_catalogue_goes_by_keyboard(agent: Callable[..., Page]) -> None:
    page = agent("/event-names")
    page.get_by_role("searchbox").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # past the hidden button
    expect(page.locator(".alike a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Properties")).to_be_visible()


def test_what_is_said_of_names_is_never_markup(agent: Callable[..., Page], site: Site) -> None:
    for text in HOSTILE_TEXTS:
        site.sample.say(
            text, description=text, alias=f"x{text}", template=f"{text.translate(str.maketrans('', '', '{}'))}"
        )
    site.settle()
    page = agent("/event-names?q=window.hit")
    expect(page.locator(".names .about").first).to_be_visible()
    for text in HOSTILE_TEXTS:
        page.goto(f"{site.url}/event-names")
        page.locator(".names a", has=page.locator("code", has_text=text)).first.click()
        expect(page.locator("p.about")).to_have_text(text)
    page.goto(f"{site.url}/contacts/{HOSTILE}")
    title = page.locator(".event .title", has_text=f"x{HOSTILE_TEXTS[0]}")
    deadline = time.monotonic() + 120
    while not title.count():  # what is said of names is remembered for some seconds
        assert time.monotonic() < deadline
        page.reload()
    expect(title).to_be_visible()
    page.goto(site.sidebar_url(HOSTILE, site.sample.now))
    expect(page.locator(".panel h1")).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main iframe, main script").count() == 0


def test_the_home_page_shows_the_newest_event_that_is_not_hidden(agent: Callable[..., Page], site: Site) -> None:
    site.sample.add(ONGOING, "heartbeat", timedelta())
    site.settle()
    row = agent("/?q=amelia").locator(".contacts li").first
    expect(row.locator(".last .title")).not_to_have_text("Heartbeat")
    expect(row.locator(".last .title")).not_to_have_text("No events yet")
