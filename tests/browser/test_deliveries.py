"""The delivery log's page: empty, full, filtered, narrow, dark, without scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.story import HOSTILE_TEXTS, ONGOING
from tests.browser.test_accessibility import violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import World

pytestmark = pytest.mark.browser
REFUSED = [
    ("no_offset", "/occurred_at", "plan_upgraded", 40),
    ("contact_not_found", "/contact_id", "order_paid", 24),
    ("unknown_field", "/propertys", "order_paid", 12),
    ("invalid_json", "", None, 6),
    ("too_long", "/name", "n" * 128, 3),
    ("wrong_type", "/properties", HOSTILE_TEXTS[0], 2),
]


def refuse(world: World, workspace_id: int) -> None:
    """Fill the log of a workspace: more than a page, and some that were not kept."""
    now = datetime.now(UTC)
    for code, pointer, name, times in REFUSED:
        for number in range(times):
            at = now - timedelta(minutes=number * 7 + len(code))
            world.run(
                "INSERT INTO write_side.rejections (workspace_id, rejected_at, status, code, pointer, faults, name,"
                " name_altered, item, endpoint, key_id, request_id) VALUES (%s, %s, 422, %s, %s, %s, %s, %s, %s,"
                " 'POST /api/v1/events/batch', '8a45dda75d255a20', %s) RETURNING id",
                *(workspace_id, at, code, pointer, 1 + number % 3, name, code == "too_long", number % 4 or None),
                f"{number:032x}",
            )
            world.run(
                "INSERT INTO write_side.rejection_counts"
                " VALUES (%s, date_trunc('minute', %s::timestamptz), %s, %s, %s, 3)"
                " ON CONFLICT (workspace_id, minute, code, names, name)"
                " DO UPDATE SET count = rejection_counts.count + 3 RETURNING count",
                *(workspace_id, at, code, "one" if name else "none", name or ""),
            )
    for number, kind in enumerate(["duplicate", "duplicate", "conflict", "duplicate"]):
        world.run(
            "INSERT INTO projection.record_copies SELECT 0, 1000000000 + %s, workspace_id, contact_id,"
            " 'contact.event.recorded.v1', event_id, %s, NULL, %s, gen_random_uuid() FROM projection.timeline"
            " WHERE workspace_id = %s AND contact_id = %s ORDER BY occurred_at DESC OFFSET %s LIMIT 1 RETURNING 1",
            *(workspace_id * 10 + number, kind, now - timedelta(minutes=number), workspace_id, ONGOING, number),
        )


@pytest.fixture(scope="module")
def full_site(world: World) -> Site:
    site = Site(world)
    refuse(world, site.workspace_id)
    return site


@pytest.fixture
def site(full_site: Site) -> Site:
    return full_site


@pytest.fixture(scope="module")
def empty_site(world: World) -> Site:
    return Site(world)


def test_it_is_found_in_the_navigation_and_reads_filters_and_pages_without_scripts(agent: Callable[..., Page]) -> None:
    page = agent("/", java_script_enabled=False)
    page.get_by_role("link", name="Deliveries").click()
    expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()
    expect(page.locator(".facts-row")).to_contain_text("261")
    expect(page.get_by_text("174 more not kept")).to_be_visible()
    expect(page.locator(".refused > li")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".refused > li")).to_have_count(37)
    page.get_by_role("link", name="Newer").click()
    page.locator(".tally a", has_text="contact_not_found").click()
    expect(page.locator(".refused > li")).to_have_count(24)
    page.locator(".refused summary").first.click()
    expect(page.locator(".refused .meta").first).to_contain_text("POST /api/v1/events/batch")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="7 days").click()
    expect(page.locator(".facts-row")).to_contain_text("261")


def test_a_copy_leads_to_its_event(agent: Callable[..., Page]) -> None:
    page = agent("/deliveries")
    expect(page.locator(".copied-rows > li")).to_have_count(4)
    page.locator(".copied-rows a").first.click()
    expect(page.locator(".event.target")).to_be_visible()


def test_without_refusals_it_says_so(empty_site: Site, new_context: Callable[..., object]) -> None:
    context = new_context()
    empty_site.sign_in(context)  # type: ignore[arg-type] # a browser's context
    page = context.new_page()  # type: ignore[attr-defined]
    page.goto(f"{empty_site.url}/deliveries")
    expect(page.get_by_text("Nothing was refused")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_accessible_and_never_scrolls_sideways(agent: Callable[..., Page], scheme: str, width: int) -> None:
    for path in ("/deliveries", "/deliveries?code=too_long"):
        page = agent(path, color_scheme=scheme, viewport={"width": width, "height": 800})
        page.locator(".refused summary").first.click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_stay_text(agent: Callable[..., Page]) -> None:
    page = agent("/deliveries?code=wrong_type")
    expect(page.locator(".refused code", has_text="<script>").first).to_be_visible()
    assert page.evaluate("window.hit") is None


def test_signed_out_it_leads_to_sign_in(site: Site, new_context: Callable[..., object]) -> None:
    page = new_context().new_page()  # type: ignore[attr-defined] # a browser's context
    page.goto(f"{site.url}/deliveries")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
