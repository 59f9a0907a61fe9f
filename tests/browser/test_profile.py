from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.story import BUSY, EMPTY, LONG, ONGOING
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
TIMES = "\N{MULTIPLICATION SIGN} "


def first_event(page: Page, name: str) -> str:
    return page.locator(f'.event[data-name="{name}"]').first.get_attribute("data-id") or ""


def test_a_sign_in_link_leads_to_the_profile_and_leaves_no_token_in_the_address(
    site: Site, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    page.goto(site.sign_in_link(f"/contacts/{ONGOING}"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Amelia Fischer")
    assert page.url == f"{site.url}/contacts/{ONGOING}"
    page.go_back()
    assert "#" not in page.url


def test_without_a_session_a_profile_asks_to_sign_in_and_then_shows(
    site: Site, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    page.goto(f"{site.url}/contacts/{ONGOING}?name=charge_failed")
    page.get_by_label("Sign-in link").fill(site.sign_in_link("/"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".event").first).to_contain_text("Charge failed")
    assert page.url.endswith(f"/contacts/{ONGOING}?name=charge_failed")


def test_events_stand_newest_first_under_their_days_with_sentences(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    order = page.locator(".event").evaluate_all("rows => rows.map(row => Number(row.dataset.at))")
    assert len(order) == 50
    assert order == sorted(order, reverse=True)
    upgraded = page.locator('.event[data-name="plan_upgraded"]').first
    expect(upgraded.locator("summary .title")).to_have_text("Plan upgraded")
    expect(upgraded.locator(".facts")).to_have_text(re.compile(r"plan: starter → pro.*mrr delta: 50.*annual: no"))
    expect(page.locator('.event[data-name="charge_failed"] .facts').first).to_contain_text("amount: 79.0 EUR")


def test_six_of_a_kind_are_one_line_that_opens(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    run = page.locator(".run", has_text="Feature enabled")
    expect(run.locator("summary").first).to_contain_text(f"Feature enabled {TIMES}6")
    expect(run.locator(".event").first).to_be_hidden()
    run.locator("summary").first.click()
    expect(run.locator(".event")).to_have_count(6)
    expect(run.locator(".event").last).to_be_visible()


def test_a_late_event_says_so(agent: Callable[..., Page]) -> None:
    row = agent(f"/contacts/{ONGOING}").locator('.event[data-name="invoice_paid"]').first
    expect(row.locator(".late")).to_have_text("late")
    row.locator("summary").first.click()
    expect(row.locator(".meta")).to_contain_text("3 days later")


def test_arrows_walk_and_enter_opens_with_types(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    page.locator(".event summary").first.focus()
    page.keyboard.press("ArrowDown")
    row = page.locator('.event[data-name="charge_failed"]').first
    expect(row.locator("summary").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(row.locator(".raw")).to_contain_text("charge_failed")
    kinds = dict(
        zip(
            row.locator(".properties > div > dt").all_inner_texts(),
            row.locator(".properties > div > .type").all_inner_texts(),
            strict=True,
        )
    )
    assert kinds == {
        "amount": "number",
        "currency": "text",
        "reason": "text",
        "attempt": "number",
        "card": "object",
    }
    page.keyboard.press("ArrowUp")
    expect(page.locator(".event summary").first).to_be_focused()


def test_the_end_key_goes_to_the_last_row(site: Site, agent: Callable[..., Page]) -> None:
    with site.failing():  # else there are older rows as soon as the last one is in sight
        page = agent(f"/contacts/{ONGOING}")
        page.locator(".event summary").first.focus()
        page.keyboard.press("End")
        expect(page.locator(".list .event > details > summary:visible").last).to_be_focused()


def test_copying_gives_the_event_as_json_and_its_link(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}", permissions=["clipboard-read", "clipboard-write"])
    row = page.locator('.event[data-name="charge_failed"]').first
    row.locator("summary").first.click()
    row.get_by_role("button", name="Copy JSON").click()
    expect(row.locator(".copy-json")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied)["name"] == "charge_failed"
    assert '"amount": 79.0,' in copied  # as written, not as JavaScript would write it again
    row.get_by_text("Copy link").click()
    expect(row.locator(".copy-link")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto(link)
    target = page.locator(".event.target")
    expect(target).to_have_attribute("data-name", "charge_failed")
    expect(target.locator(".body")).to_be_visible()


def test_a_link_to_an_old_event_shows_it_among_its_neighbours(site: Site, agent: Callable[..., Page]) -> None:
    timeline = site.sample.timeline(BUSY)
    event = timeline[400]
    page = agent(f"/contacts/{BUSY}?event={event.id}")
    target = page.locator(".event.target")
    expect(target).to_be_in_viewport()
    expect(target.locator("summary").first).to_be_focused()
    around = page.locator(".event").evaluate_all("rows => rows.map(row => row.dataset.id)")
    place = around.index(event.id)
    assert around[place - 1] == timeline[399].id
    assert around[place + 1] == timeline[401].id
    page.get_by_role("link", name="Newer events").click()
    expect(page.locator(f'.event[data-id="{timeline[380].id}"]')).to_have_count(1)


def test_chips_filter_without_a_reload_and_back_undoes_it(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    page.evaluate("window.stayed = true")
    page.locator(".chip", has_text="Login").click()
    expect(page.locator(".event:not([data-name=login])")).to_have_count(0)
    expect(page.locator(".chip[aria-current]")).to_contain_text("Login")
    expect(page.locator(".event")).to_have_count(21)
    assert page.url.endswith("?name=login")
    page.go_back()
    expect(page.locator('.event[data-name="plan_upgraded"]').first).to_be_visible()
    assert page.evaluate("window.stayed")


def test_a_filter_keeps_the_focus_for_the_keyboard(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    page.locator(".chip", has_text="Login").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".chip[aria-current]")).to_be_focused()
    expect(page.locator(".announcer")).to_have_text("21 events shown")


def test_more_offers_every_name(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    page.locator(".more summary").click()
    page.locator(".menu a", has_text="Shop installed").click()
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".event .title")).to_have_text("Shop installed")
    page.locator(".clear").click()
    expect(page.locator(".event")).to_have_count(50)


def test_search_finds_text_in_properties_and_says_when_there_is_none(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    page.keyboard.press("/")
    page.keyboard.type("card_decl")
    expect(page.locator(".event")).to_have_count(2)
    page.get_by_label("Search events").fill("no such thing anywhere")
    expect(page.locator(".list")).to_contain_text("No events match")
    page.get_by_role("link", name="Show all events").click()
    expect(page.locator(".event")).to_have_count(50)


def test_scrolling_brings_older_events_without_a_jump_and_runs_join_across_pages(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{BUSY}")
    page.locator(".day").nth(1).scroll_into_view_if_needed()
    mark = page.locator(".event:visible, .run:visible").nth(5)
    mark.scroll_into_view_if_needed()
    before = mark.bounding_box()
    loaded = page.locator(".event").count()
    page.locator(".older a").evaluate("link => link.click()")
    expect(page.locator(".event")).not_to_have_count(loaded)
    after = mark.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 1

    def is_at_the_end() -> bool:
        page.mouse.wheel(0, 4000)
        return page.locator(".older").count() == 0

    until(page, is_at_the_end, "the end of the timeline")
    ids = page.locator(".event").evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert len(ids) == len(set(ids)) == 700
    counts = page.locator(".run .times").all_inner_texts()
    assert "+" not in "".join(counts)
    assert all(re.fullmatch(TIMES + r"(7|12|[4-9]|1[01])", count) for count in counts)
    days = page.locator(".day").evaluate_all("days => days.map(day => day.dataset.day)")
    assert days == sorted(set(days), reverse=True)


def test_failure_keeps_what_was_there_and_retry_goes_on(site: Site, agent: Callable[..., Page]) -> None:
    with site.failing():  # from the beginning: collapsed runs leave room, and the script asks for more at once
        page = agent(f"/contacts/{BUSY}")
        page.locator(".older").scroll_into_view_if_needed()
        expect(page.get_by_role("alert")).to_contain_text("Could not load")
        expect(page.locator(".event")).to_have_count(50)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".event").nth(99)).to_be_attached()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_long_values_take_three_lines_until_asked_for(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{LONG}")
    row = page.locator('.event[data-name="note_added"]')
    row.locator("summary").first.click()
    value = row.locator(".long")
    height = value.bounding_box()
    assert height is not None
    assert height["height"] < 100
    value.locator("summary").click()
    row.get_by_role("link", name=re.compile("Show all .* characters")).click()
    expect(row.locator(".whole")).to_have_text(re.compile(r"^(Lorem ipsum dolor sit amet, [^.]*\. ?){900}$"))


def test_a_contact_without_events_is_told_how_they_come(agent: Callable[..., Page], site: Site) -> None:
    page = agent(f"/contacts/{EMPTY}")
    expect(page.locator(".list")).to_contain_text("No events yet")
    expect(page.locator("pre")).to_be_hidden()
    page.get_by_text("For developers").click()
    expect(page.locator("pre")).to_contain_text(f"{site.url}/api/v1/contacts/{EMPTY}/events")


def test_custom_data_says_what_changed_lately(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    data = page.locator(".data")
    expect(data.locator("div", has_text=re.compile("^plan"))).to_contain_text("changed 2 days ago")
    expect(data.locator("div", has_text=re.compile("^country"))).not_to_contain_text("changed")


def test_the_page_speaks_the_workspaces_zone_first_and_then_the_browsers(
    site: Site, agent: Callable[..., Page]
) -> None:
    site.live_in("America/New_York")
    page = agent(f"/contacts/{ONGOING}", timezone_id="Asia/Tokyo")
    expect(page.locator(".zone-name")).to_have_text("Asia/Tokyo")
    newest = site.sample.timeline(ONGOING)[0].occurred_at
    tokyo = page.evaluate(
        "at => new Date(at).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})",
        newest.timestamp() * 1000,
    )
    expect(page.locator(".event .short").first).to_have_text(tokyo)
    answer = page.goto(page.url)
    assert answer is not None
    assert 'data-zone="Asia/Tokyo"' in answer.text()  # the cookie: no second rendering from now on
