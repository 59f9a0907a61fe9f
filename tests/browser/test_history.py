"""The profile's past: as it was at a moment, days chosen on the histogram, changes between events, a trace."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.story import BUSY, ONGOING
from tests.browser.test_accessibility import violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser
PLAIN = {"java_script_enabled": False}
NARROW = {"viewport": {"width": 320, "height": 740}}
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def site(common_site: Site) -> Site:
    return common_site


def moment(site: Site, before: timedelta) -> str:
    return f"{site.sample.now - before:%Y-%m-%dT%H:%M:%SZ}"


def order(page: Page) -> list[int]:
    rows = page.locator(".list .event, .list .change")
    return [int(at) for at in rows.evaluate_all("rows => rows.map(row => row.dataset.at)")]


def test_the_profile_as_it_was_and_back_to_now(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}?as_of={moment(site, 1.5 * DAY)}")
    expect(page.locator(".then")).to_contain_text(re.compile(r"As of \w{3} \d+ \w{3}, \d\d:\d\d"))
    expect(page.locator(".data > div", has_text="billing status")).to_contain_text("another value")
    expect(page.locator(".data > div", has_text="plan")).to_contain_text("pro")
    expect(page.locator(".event").first).to_contain_text("Plan upgraded")
    page.get_by_role("link", name="Login", exact=True).click()
    back = page.get_by_role("link", name="Back to now")
    expect(back).to_have_attribute("href", re.compile("name=login"))  # it is there before the filter is
    expect(page).to_have_url(re.compile("name=login.*as_of="))
    back.click()
    expect(page.locator(".then")).to_have_count(0)
    expect(page.locator(".data > div", has_text="billing status")).to_contain_text("past due")
    assert page.url.endswith(f"/contacts/{ONGOING}?name=login")


def test_the_past_is_not_live(site: Site, agent: Callable[..., Page]) -> None:
    open_before = len(site.streams)
    page = agent(f"/contacts/{BUSY}?as_of={moment(site, DAY)}")
    expect(page.locator(".day").first).to_be_visible()
    page.wait_for_load_state("networkidle")  # with a live stream this never comes
    assert len(site.streams) == open_before


def test_before_the_contact_there_is_nothing_to_show(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}?as_of=2020-01-01T00:00:00Z")
    expect(page.get_by_role("heading", name="Not created yet")).to_be_visible()
    page.get_by_role("link", name="Back to now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Amelia Fischer")


def test_changes_stand_between_the_events_at_their_place(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    expect(page.locator(".change")).to_have_count(0)
    page.get_by_role("link", name="Show data changes").click()
    row = page.locator(".change", has_text="plan: another value")
    expect(row).to_have_text(re.compile("plan: another value → pro"))
    assert order(page) == sorted(order(page), reverse=True)
    expect(page).to_have_url(re.compile("changes=1"))
    page.reload()
    expect(row).to_be_visible()
    page.wait_for_function(
        "() => { scrollTo(0, document.body.scrollHeight); return !document.querySelector('.list > .older'); }"
    )
    expect(page.locator(".change", has_text="Contact created")).to_be_visible()
    assert order(page) == sorted(order(page), reverse=True)
    page.get_by_role("link", name="Hide data changes").click()
    expect(page.locator(".change")).to_have_count(0)


def test_dragging_over_days_shows_theirs_alone(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    top = page.locator(".toolbar").bounding_box()
    box = page.locator(".histogram svg").bounding_box()
    assert box
    day = box["width"] / 90
    page.mouse.move(box["x"] + 86.5 * day, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 87.5 * day, box["y"] + 20, steps=4)
    page.mouse.up()
    chip = page.locator(".applied")
    expect(chip).to_be_visible()
    today = site.sample.now.astimezone(BERLIN).date()
    expect(page).to_have_url(re.compile(r"since=\d{4}-\d\d-\d\d&until=\d{4}-\d\d-\d\d"))
    since, until = re.findall(r"\d{4}-\d\d-\d\d", page.url)[-2:]
    assert today - 5 * DAY < today.fromisoformat(since) < today.fromisoformat(until) <= today
    expect(page.locator(".day").first).to_have_attribute("data-day", until)
    shown = page.locator(".day").evaluate_all("days => days.map(day => day.dataset.day)")
    days = {event.occurred_at.astimezone(BERLIN).date().isoformat() for event in site.sample.timeline(ONGOING)}
    assert set(shown) == days & {since, until}  # at some hours nothing of the sample happened on the first of the two
    assert page.locator(".toolbar").bounding_box() == top  # nothing jumps
    chip.click()
    expect(chip).to_have_count(0)
    expect(page.locator(".event", has_text="Charge failed").first).to_be_visible()


def test_days_by_the_keyboard(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    bars = page.locator(".histogram a")
    bars.last.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".announcer")).to_have_text(re.compile(r"Enter shows these days"))
    page.keyboard.press("Enter")
    expect(page.locator(".applied")).to_be_visible()
    assert page.locator(".histogram a:focus").count() == 1
    assert bars.last.get_attribute("aria-label") or ""


def test_without_scripts_bars_are_links_and_changes_are_there(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}", **PLAIN)
    page.locator(".histogram a").last.click()
    expect(page.locator(".applied")).to_be_visible()
    expect(page.locator(".day")).to_have_count(1)
    page.get_by_role("link", name="Show data changes").click()
    expect(page.locator(".change").first).to_be_visible()
    page.get_by_text("Dates", exact=True).click()
    page.get_by_label("From").fill(f"{(site.sample.now - 3 * DAY).astimezone(BERLIN):%Y-%m-%d}")
    page.locator(".dates").get_by_role("button", name="Show").click()
    expect(page.locator(".change", has_text="plan: another value")).to_be_visible()
    page.get_by_text("See how it was").click()
    page.get_by_label("As of").fill("2020-01-01T10:00")
    page.locator(".then-form").get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Not created yet")).to_be_visible()


def test_an_event_leads_to_its_trace(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    row = page.locator(".event").first
    row.locator("summary").first.click()
    row.get_by_role("link", name="Trace").click()
    expect(page.locator(".stations h2")).to_have_text(["Occurred", "Accepted", "In the log", "On the timeline"])
    expect(page.locator(".stations")).to_contain_text(re.compile(r"partition \d+, offset \d+"))


def test_the_export_is_a_file_of_what_is_shown(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}?name=charge_failed")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    assert waiting.value.suggested_filename == f"contact-{ONGOING}-events.csv"
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("occurred at (Europe/Berlin),")
    assert {line.split(",")[1] for line in text.splitlines()[1:]} == {"charge_failed"}


@pytest.mark.parametrize("scripts", [True, False])
def test_contacts_are_filtered_on_the_home_page(agent: Callable[..., Page], *, scripts: bool) -> None:
    page = agent("/", java_script_enabled=scripts)
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Key").fill("plan")
    page.get_by_label("Value").fill("pro")
    page.get_by_label("Name", exact=True).fill("plan_upgraded")
    page.locator(".add-filter").get_by_role("button", name="Show").click()
    expect(page.locator(".applied")).to_have_text(["plan: pro", "Plan upgraded"])
    expect(page.locator("a.row")).to_have_count(1)
    assert page.url.endswith("/?custom_data.plan=pro&has_event=plan_upgraded")
    page.get_by_role("link", name="Remove filter: plan: pro").click()
    expect(page.locator("a.row")).to_have_count(3)


def test_typing_keeps_the_filters(agent: Callable[..., Page]) -> None:
    page = agent("/?has_event=plan_upgraded")
    page.get_by_label("Find a contact").fill("jonas")
    expect(page.locator("a.row")).to_have_count(1)
    expect(page.locator("a.row")).to_contain_text("Jonas Meyer")
    assert page.url.endswith("/?has_event=plan_upgraded&q=jonas")


ADDRESSES = [
    f"/contacts/{ONGOING}?changes=1&since=2026-01-01",
    f"/contacts/{ONGOING}?changes=1&as_of=",
    f"/contacts/{ONGOING}/events/sample-000006/trace",
    "/?custom_data.plan=pro&has_no_event=nothing&since=2026-01-01",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violations_and_nothing_sideways_at_320_pixels(site: Site, agent: Callable[..., Page], scheme: str) -> None:
    traced = site.sample.timeline(ONGOING)[0].id
    for address in ADDRESSES:
        path = address.replace("as_of=", f"as_of={moment(site, DAY)}").replace("sample-000006", traced)
        page = agent(path, color_scheme=scheme, **NARROW)
        for summary in page.locator(".dates > summary, .then-form > summary, .add-filter > summary").all():
            summary.click()
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
