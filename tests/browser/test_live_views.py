"""What arrives while the profile shows some days alone, or changes between the events."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.story import ONGOING
from tests.browser.test_history import order
from tests.browser.test_live import NOW, until_listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(seconds=1)


def ids(page: Page) -> list[str]:
    rows = page.locator(".list .event, .list .change")
    return [str(row) for row in rows.evaluate_all("rows => rows.map(row => row.dataset.id)")]


def choose_days(page: Page, site: Site) -> tuple[datetime, datetime]:
    """Choose days on the bars; the moment at which they begin, and the one at which they are over."""
    bar = (site.sample.now - 2 * DAY).astimezone(BERLIN).date()
    page.locator(f'.histogram a[data-day="{bar}"]').focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(".applied")).to_be_visible()
    expect(page).to_have_url(re.compile(f"until={bar}"))
    since = date.fromisoformat(re.findall(r"since=([\d-]+)", page.url)[0])
    assert since < bar
    return midnight(since), midnight(bar + DAY)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), BERLIN)


def test_only_what_happened_on_the_chosen_days_comes_in(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    begin, end = choose_days(page, site)
    shown, now = set(ids(page)), site.sample.now
    outside = [NOW, now - end, now - begin + MOMENT]
    inside = [now - begin, now - end + MOMENT, 2 * DAY + HOUR / 2]
    for before in outside:
        site.arrive(ONGOING, "seat_removed", before)
    arrived = [site.arrive(ONGOING, "seat_removed", before) for before in inside]
    expect(page.locator(f'.event[data-id="{arrived[-1]}"]')).to_be_attached()
    expect(page.locator(".total")).to_have_text("119")  # all are counted
    listed = ids(page)
    assert set(listed) == shown | set(arrived)
    assert [listed[0], listed[-1]] == [arrived[1], arrived[0]]
    assert order(page) == sorted(order(page), reverse=True)
    days = [begin.date().isoformat(), (end - MOMENT).date().isoformat()]
    assert [page.locator(".day").nth(place).get_attribute("data-day") for place in (-1, 0)] == days


def test_only_what_happened_on_the_chosen_days_is_counted_for_a_reader(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    begin, end = choose_days(page, site)
    page.locator(".event:visible summary").first.click()
    for before in (NOW, site.sample.now - end, site.sample.now - begin + MOMENT, 2 * DAY + HOUR):
        site.arrive(ONGOING, "seat_removed", before)
    expect(page.locator(".total")).to_have_text("117")
    expect(page.locator(".pill")).to_have_text("1 new event")


def test_events_come_in_between_changes(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}?changes=1")
    until_listening(site, page)
    event_id = site.arrive(ONGOING, "login", 1.5 * HOUR)
    row = page.locator(f'.event[data-id="{event_id}"]')
    expect(row).to_have_count(1)
    expect(row.locator("xpath=preceding-sibling::li[1]")).to_contain_text("order count: another value")
    expect(row.locator("xpath=following-sibling::li[1]")).to_contain_text("billing status: another value")
    assert order(page) == sorted(order(page), reverse=True)


def test_changes_and_events_of_one_moment_stand_once_each(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}?changes=1")
    until_listening(site, page)
    arrived = []
    for plan in ("starter", "scale"):
        site.sample.change_contact(ONGOING, {"plan": plan})
        arrived.append(site.arrive(ONGOING, "login", NOW))
    expect(page.locator(".change", has_text="plan: starter → scale")).to_have_count(1)
    for event_id in arrived:
        expect(page.locator(f'.event[data-id="{event_id}"]')).to_have_count(1)
    expect(page.locator(".change", has_text="plan: pro → starter")).to_have_count(1)
    assert len(ids(page)) == len(set(ids(page)))
    assert order(page) == sorted(order(page), reverse=True)


def test_an_event_that_comes_while_the_list_is_read_anew_is_not_lost(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)
    total = int(page.locator(".total").inner_text())
    arrived: list[str] = []

    def answer_late(route: Route) -> None:
        response = route.fetch()  # what the server knew before
        arrived.append(site.arrive(ONGOING, "login", NOW))
        expect(page.locator(".total")).to_have_text(str(total + 1))  # the page has heard of it
        route.fulfill(response=response)

    page.route("**/contacts/*?changes=1", answer_late, times=1)
    page.locator("a.changes-toggle").click()
    expect(page.locator(".change").first).to_be_visible()
    expect(page.locator(f'.event[data-id="{arrived[0]}"]')).to_have_count(1)
    expect(page.locator(".total")).to_have_text(str(total + 1))


def test_an_event_that_the_list_got_meanwhile_is_not_put_in_again(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    until_listening(site, page)

    def answer_late(route: Route) -> None:
        response = route.fetch()
        page.locator("a.changes-toggle").click()
        expect(page.locator(".change").first).to_be_visible()
        route.fulfill(response=response)

    page.route("**/rows?*", answer_late, times=1)
    first = site.arrive(ONGOING, "login", NOW)
    expect(page.locator(".change").first).to_be_visible()
    second = site.arrive(ONGOING, "seat_removed", NOW)
    expect(page.locator(f'.event[data-id="{second}"]')).to_have_count(1)  # after what came late
    assert ids(page).count(first) == 1
