from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.story import ONGOING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser


def test_the_search_has_the_focus_and_enter_opens_the_first_found(agent: Callable[..., Page]) -> None:
    page = agent("/")
    expect(page.get_by_label("Find a contact")).to_be_focused()
    expect(page.get_by_role("heading", name="Recently active")).to_be_visible()
    page.keyboard.type("amel")
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    expect(page.locator(".contacts li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Amelia Fischer")
    assert page.url.endswith(f"/contacts/{ONGOING}")
    page.go_back()
    expect(page.get_by_label("Find a contact")).to_have_value("amel")


def test_arrows_go_into_the_results_and_back(agent: Callable[..., Page]) -> None:
    page = agent("/")
    page.keyboard.press("ArrowDown")
    expect(page.locator("a.row").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("a.row").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Find a contact")).to_be_focused()


def test_nobody_found_is_said_in_words(agent: Callable[..., Page]) -> None:
    page = agent("/")
    page.keyboard.type("zebra")
    expect(page.locator(".results")).to_contain_text("No contact found for “zebra”")


def test_a_failed_search_keeps_the_list(site: Site, agent: Callable[..., Page]) -> None:
    page = agent("/")
    shown = page.locator(".contacts li").count()
    with site.failing():
        page.keyboard.type("amel")
        expect(page.get_by_role("alert")).to_contain_text("Could not load")
        expect(page.locator(".contacts li")).to_have_count(shown)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".contacts li")).to_have_count(1)


def test_signing_out_ends_the_session(site: Site, agent: Callable[..., Page]) -> None:
    page = agent("/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(site.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
