from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.story import BUSY, LONG, ONGOING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
PLAIN = {"java_script_enabled": False}


def test_the_profile_reads_filters_and_pages(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{BUSY}", **PLAIN)
    expect(page.locator(".zone-name")).to_have_text("Europe/Berlin")
    expect(page.get_by_role("button", name="Copy id")).to_have_count(0)
    page.get_by_role("link", name="Older events").click()
    expect(page.get_by_role("link", name="Newer events")).to_be_visible()
    page.locator(".chip", has_text="Sync failed").click()
    expect(page.locator(".event:not([data-name=sync_failed])")).to_have_count(0)
    page.get_by_label("Search events").fill('"items": 3')
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"q=.*name=sync_failed"))
    row = page.locator(".event").first
    row.locator("summary").click()
    expect(row.locator(".properties")).to_contain_text("3")


def test_a_cut_value_leads_to_the_whole_event(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{LONG}", **PLAIN)
    row = page.locator('.event[data-name="note_added"]')
    row.locator("summary").first.click()
    row.locator(".long summary").click()
    row.locator("a.full").click()
    whole = page.locator(".event.target .whole")
    assert len(whole.text_content() or "") > 50_000


def test_signing_in_by_pasting_the_link(site: Site, agent: Callable[..., Page]) -> None:
    page = agent("/sign-in", **PLAIN)
    page.context.clear_cookies()
    page.get_by_label("Sign-in link").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid or has expired")
    page.get_by_label("Sign-in link").fill(site.sign_in_link("/"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Recently active")).to_be_visible()
    page.goto(f"{site.url}/contacts/{ONGOING}")
    expect(page.locator(".custom-data")).to_contain_text("billing status")
