from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.story import BUSY, EMOJI, EMPTY, HEBREW, HOSTILE, LONG, ONGOING, SINGLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
NARROW = {"viewport": {"width": 360, "height": 740}}


@pytest.fixture
def site(common_site: Site) -> Site:
    return common_site


@pytest.mark.parametrize("contact_id", [ONGOING, EMPTY, SINGLE, LONG, HEBREW, EMOJI, BUSY, HOSTILE])
def test_a_profile_of_360_pixels_never_scrolls_sideways(agent: Callable[..., Page], contact_id: int) -> None:
    page = agent(f"/contacts/{contact_id}", **NARROW)
    for row in page.locator(".event > details > summary:visible").all()[:4]:
        row.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", ["/", "/?q=nobody", "/sign-in", "/contacts/999"])
def test_other_pages_of_360_pixels_neither(agent: Callable[..., Page], path: str) -> None:
    assert agent(path, **NARROW).evaluate("document.documentElement.scrollWidth") <= 360


def test_narrow_shows_six_keys_of_custom_data_first(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}", **NARROW)
    expect(page.locator(".data > div:visible")).to_have_count(6)
    page.get_by_role("button", name="Show all (10)").click()
    expect(page.locator(".data > div:visible")).to_have_count(10)


def test_dark_and_light_follow_the_system(agent: Callable[..., Page]) -> None:
    def lightness(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    assert lightness(agent("/", color_scheme="light")) > 700
    assert lightness(agent("/", color_scheme="dark")) < 100


def test_right_to_left_text_keeps_its_direction(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{HEBREW}")
    direction = "element => getComputedStyle(element).direction"
    assert page.locator("h1").evaluate(direction) == "rtl"
    assert page.locator(".event .title").first.evaluate(direction) == "rtl"
    assert page.locator(".event .title").nth(1).evaluate(direction) == "ltr"
