from __future__ import annotations

from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.story import BUSY, EMOJI, EMPTY, HEBREW, LONG, ONGOING, SINGLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
SCHEMES = ["light", "dark"]


@pytest.fixture
def site(common_site: Site) -> Site:
    return common_site


def violations(page: Page) -> list[str]:
    """Run axe-core with all its rules; give what it finds, with the places."""
    page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", ["/", "/?q=amelia", "/?q=nobody", "/sign-in", "/contacts/999"])
def test_pages(agent: Callable[..., Page], path: str, scheme: str) -> None:
    assert violations(agent(path, color_scheme=scheme)) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("contact_id", [ONGOING, EMPTY, SINGLE, LONG, HEBREW, EMOJI, BUSY])
def test_profiles(agent: Callable[..., Page], contact_id: int, scheme: str) -> None:
    page = agent(f"/contacts/{contact_id}", color_scheme=scheme)
    assert violations(page) == []
    for row in page.locator("summary:visible").all()[:6]:
        row.click()
    assert violations(page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_filtered_narrow_delayed_profile(site: Site, agent: Callable[..., Page], scheme: str) -> None:
    narrow = {"width": 360, "height": 740}
    with site.projector_frozen(timedelta(minutes=7)):
        page = agent(f"/contacts/{ONGOING}?name=charge_failed&q=card", color_scheme=scheme, viewport=narrow)
        expect(page.get_by_text("Updates delayed")).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("contact_id", [ONGOING, EMPTY, LONG])
def test_sidebars(site: Site, agent: Callable[..., Page], contact_id: int, scheme: str) -> None:
    page = agent("/sign-in", color_scheme=scheme, viewport={"width": 320, "height": 720})
    page.goto(site.sidebar_url(contact_id, site.sample.now))
    expect(page.locator(".panel")).to_be_visible()
    assert violations(page) == []
