from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from query.presentation.times import clock
from tests.browser.story import BUSY, EMPTY, ONGOING
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
TIMES = "\N{MULTIPLICATION SIGN} "
NOW = timedelta(seconds=1)
BERLIN = ZoneInfo("Europe/Berlin")

NOTE_TINTS = """() => {
  window.tinted = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) if (target.classList.contains("fresh")) tinted.push(target.dataset.id);
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] });
}"""
"""For a tint that is over before a busy machine has looked."""


def until_listening(site: Site, page: Page) -> None:
    until(page, lambda: site.streams, "the page to open its live stream")


def test_an_event_appears_at_the_top_with_a_tint(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    page.evaluate(NOTE_TINTS)
    event_id = site.arrive(ONGOING, "plan_downgraded", NOW, {"from_plan": "pro", "to_plan": "starter"})
    row = page.locator(".event").first
    expect(row).to_have_attribute("data-id", event_id)
    until(page, lambda: event_id in page.evaluate("tinted"), "the tint")
    expect(row.locator(".facts")).to_have_text("plan: pro → starter")
    expect(page.locator(".total")).to_have_text("114")
    expect(page.locator(".announcer")).to_have_text("New: Plan downgraded")
    expect(row).not_to_have_class(re.compile("fresh"))  # the tint ends


def test_a_late_event_goes_to_its_true_place(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    before = timedelta(days=2, hours=1)
    event_id = site.arrive(ONGOING, "seat_removed", before)
    row = page.locator(f'.event[data-id="{event_id}"]')
    expect(row).to_be_attached()
    order = page.locator(".event").evaluate_all("rows => rows.map(row => Number(row.dataset.at))")
    assert order == sorted(order, reverse=True)
    day = row.locator("xpath=ancestor::section[@data-day]").get_attribute("data-day")
    assert day == (site.sample.now - before).astimezone(BERLIN).date().isoformat()


def test_a_day_without_events_gets_its_header(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{BUSY}?name=login")
    until_listening(site, page)
    for row in page.locator(".day[data-day]:first-child").all():
        row.evaluate("day => day.remove()")  # as if nothing had happened today
    site.arrive(BUSY, "login", NOW)
    expect(page.locator(".day").first.locator("h3")).to_contain_text(re.compile("Today|Yesterday"))
    expect(page.locator(".day").first.locator(".event")).to_have_count(1)


def test_a_run_grows_and_a_fourth_makes_one(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{EMPTY}")
    until_listening(site, page)
    for count in range(1, 6):
        site.arrive(EMPTY, "order_synced", NOW)
        expect(page.locator(".event")).to_have_count(count)
    expect(page.locator(".run .times")).to_have_text(TIMES + "5")
    expect(page.locator(".event").first).to_be_hidden()
    expect(page.locator(".list")).not_to_contain_text("No events yet")
    expect(page.locator(".toolbar")).to_be_visible()


def test_nothing_moves_under_a_reader_and_the_pill_counts(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    mark = page.locator('.event[data-name="plan_upgraded"]').first
    page.mouse.wheel(0, 600)
    until(page, lambda: page.evaluate("scrollY") == 600, "the end of the scroll")
    before = mark.bounding_box()
    site.arrive(ONGOING, "charge_failed", NOW)
    site.arrive(ONGOING, "login", NOW)
    pill = page.locator(".pill")
    expect(pill).to_have_text("2 new events")
    assert mark.bounding_box() == before
    expect(page.locator(".event")).to_have_count(50)
    pill.click()
    expect(page.locator(".event")).to_have_count(52)
    expect(page.locator(".event").first).to_be_in_viewport()
    expect(pill).to_be_hidden()


def test_an_open_row_counts_as_reading(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    page.locator(".event summary").first.click()
    site.arrive(ONGOING, "login", NOW)
    expect(page.locator(".pill")).to_have_text("1 new event")
    expect(page.locator(".event")).to_have_count(50)


def test_filters_hold_for_what_arrives(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}?name=charge_failed")
    until_listening(site, page)
    site.arrive(ONGOING, "login", NOW)
    event_id = site.arrive(ONGOING, "charge_failed", NOW)
    expect(page.locator(".event").first).to_have_attribute("data-id", event_id)
    expect(page.locator(".event")).to_have_count(3)
    expect(page.locator(".total")).to_have_text("115")


def test_changed_custom_data_shows_at_once(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{EMPTY}")
    until_listening(site, page)
    site.sample.change_contact(EMPTY, {"plan": "pro"})
    expect(page.locator(".identity .data")).to_contain_text("pro")


def test_delay_shows_a_thin_bar_until_it_is_over(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    bar = page.get_by_text("Updates delayed")
    expect(bar).to_be_hidden()
    with site.projector_frozen(timedelta(minutes=7)):
        frozen_at = datetime.now(UTC)
        stamps = [clock(frozen_at - timedelta(seconds=age), BERLIN) for age in (30, 0)]
        expect(bar).to_have_text(re.compile(f"^Updates delayed · as of ({'|'.join(stamps)})$"))
    expect(bar).to_be_hidden()


def test_the_stream_comes_back_by_itself(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    site.cut_streams()
    site.arrive(ONGOING, "login", NOW)
    expect(page.locator(".total")).to_have_text("114")


def test_reset_reads_the_timeline_again(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    gone = site.sample.timeline(ONGOING)[0]
    site.sample.erase_event(gone)
    expect(page.locator(f'.event[data-id="{gone.id}"]')).to_have_count(0)


def test_an_erased_contact_leaves_the_screen(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    site.sample.erase_contact(ONGOING)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.locator("body")).not_to_contain_text("Amelia")
