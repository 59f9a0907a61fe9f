"""The agent's path with nothing made up: API, broker, projector, PostgreSQL, server, browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from schemas.times import format_time
from tests.browser.helpdesk import helpdesk
from tests.browser.running import let_frame, sign_in_link
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Route

    from tests.e2e.system import System

pytestmark = pytest.mark.browser
SEEN = 60_000
"""Milliseconds: the machine may be busy."""


def create_contact(system: System, **fields: object) -> int:
    body: dict[str, object] = {"external_id": uuid4().hex, "name": "Amelia Fischer"} | fields
    answer = system.api.write("POST", "/api/v1/contacts", body)
    system.api.get(f"/api/v1/contacts/{answer.body['id']}", position=answer.body["position"])
    return int(answer.body["id"])


def record(system: System, contact_id: int, name: str, *, ago: timedelta = timedelta(), **properties: object) -> str:
    event_id = f"evt-{uuid4().hex}"
    body = {"name": name, "occurred_at": format_time(datetime.now(UTC) - ago), "properties": properties}
    answer = system.api.write("POST", f"/api/v1/contacts/{contact_id}/events", body, event_id)
    system.api.get(f"/api/v1/contacts/{contact_id}/events", position=answer.body["position"])
    return event_id


def test_one_post_reaches_the_profile_that_an_agent_has_open(
    system: System, new_context: Callable[..., BrowserContext]
) -> None:
    contact_id = create_contact(system, email="amelia@harborandpine.example", custom_data={"plan": "starter"})
    record(system, contact_id, "trial_started", ago=timedelta(days=3))
    page = new_context().new_page()
    page.goto(sign_in_link(system, f"/contacts/{contact_id}"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Amelia Fischer", timeout=SEEN)
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".late")).to_have_count(1)  # three days late
    with page.expect_response(lambda answer: "/event-stream" in answer.url, timeout=SEEN):
        page.reload()
    record(system, contact_id, "plan_upgraded", from_plan="starter", to_plan="pro", mrr_delta=50)
    expect(page.locator(".event")).to_have_count(2, timeout=SEEN)
    expect(page.locator(".event").first).to_contain_text("plan: starter → pro")
    patch = {"custom_data": {"plan": "pro"}}
    system.api.write("PATCH", f"/api/v1/contacts/{contact_id}", patch, uuid4().hex)
    expect(page.locator(".identity .data")).to_contain_text("pro", timeout=SEEN)
    expect(page.locator(".identity .data")).to_contain_text("changed just now")


def test_what_happens_between_page_and_stream_is_not_missed(
    system: System, new_context: Callable[..., BrowserContext]
) -> None:
    contact_id = create_contact(system)
    record(system, contact_id, "trial_started")
    page = new_context().new_page()
    held: list[Route] = []
    page.route("**/event-stream*", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function of its own
    page.goto(sign_in_link(system, f"/contacts/{contact_id}"))
    until(page, lambda: held, "the page to ask for its stream")
    event_id = record(system, contact_id, "plan_upgraded")
    held[0].continue_()
    expect(page.locator(".event").first).to_have_attribute("data-id", event_id, timeout=SEEN)


def test_the_agents_path_from_home_by_keyboard(system: System, new_context: Callable[..., BrowserContext]) -> None:
    contact_id = create_contact(system, name="Ottilie Winterhalter", email="ottilie@winter.example")
    for seconds in range(1, 7):
        record(system, contact_id, "feature_enabled", ago=timedelta(seconds=seconds), feature=f"f{seconds}")
    failed = record(system, contact_id, "charge_failed", ago=timedelta(hours=30), amount=79, currency="EUR")
    page = new_context().new_page()
    page.goto(sign_in_link(system, "/"))
    expect(page.get_by_label("Find a contact")).to_be_focused(timeout=SEEN)
    page.keyboard.type("ottil")
    expect(page.locator(".contacts li")).to_have_count(1, timeout=SEEN)
    expect(page.locator(".contacts li")).to_contain_text("Feature enabled")
    page.keyboard.press("Enter")
    expect(page.locator(".run .times").first).to_have_text("\N{MULTIPLICATION SIGN} 6", timeout=SEEN)
    page.wait_for_load_state()  # the page reads without its script; the keys want it
    page.keyboard.press("/")
    page.keyboard.type("EUR")
    expect(page.locator(".event")).to_have_count(1, timeout=SEEN)
    page.get_by_role("link", name="Clear").click()
    page.locator(".chip", has_text="Charge failed").click()
    expect(page.locator(".event")).to_have_count(1, timeout=SEEN)
    page.locator(".event > details > summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".event .properties")).to_contain_text("79")
    page.keyboard.press("Enter")
    page.locator(".chip", has_text="Charge failed").focus()
    again = record(system, contact_id, "charge_failed", amount=79, currency="EUR")
    expect(page.locator(".event").first).to_have_attribute("data-id", again, timeout=SEEN)
    page.goto(f"{system.base_url}/contacts/{contact_id}?event={failed}")
    expect(page.locator(".event.target .raw")).to_contain_text("charge_failed", timeout=SEEN)


def test_many_events_scroll_to_the_first(system: System, new_context: Callable[..., BrowserContext]) -> None:
    contact_id = create_contact(system)
    start = datetime.now(UTC) - timedelta(days=4)
    events = [
        {
            "id": f"{contact_id}-{index}",
            "contact_id": contact_id,
            "name": "order_synced" if index % 7 else "login",
            "occurred_at": format_time(start + timedelta(minutes=20 * index)),
            "properties": {"index": index},
        }
        for index in range(260)
    ]
    results = system.api.write_batch(events)
    system.api.get(f"/api/v1/contacts/{contact_id}/events", position=results[-1]["position"])
    page = new_context().new_page()
    page.goto(sign_in_link(system, f"/contacts/{contact_id}"))
    expect(page.locator(".total")).to_have_text("260", timeout=SEEN)
    expect(page.locator(".event").first).to_be_attached()

    def is_at_the_end() -> bool:
        page.mouse.wheel(0, 3000)
        return page.locator(".older").count() == 0

    until(page, is_at_the_end, "the first of them")
    ids = page.locator(".event").evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert ids == [event["id"] for event in reversed(events)]
    page.goto(f"{system.base_url}/contacts/{contact_id}?event={contact_id}-5")
    expect(page.locator(".event.target")).to_have_attribute("data-id", f"{contact_id}-5")
    page.goto(f"{system.base_url}/contacts/{contact_id}?name=login&q=%22index%22%3A0")
    expect(page.locator(".event")).to_have_count(1)


def test_the_sidebar_beside_a_conversation(system: System, new_context: Callable[..., BrowserContext]) -> None:
    contact_id = create_contact(system, name="Jonas Meyer")
    record(system, contact_id, "charge_failed", ago=timedelta(hours=2), amount=79, currency="EUR")
    began = format_time(datetime.now(UTC) - timedelta(minutes=5))
    with helpdesk() as desk:
        let_frame(system, desk.url)
        body = {"contact_id": contact_id, "conversation": {"id": "c-1", "started_at": began}}
        token = system.api.write("POST", "/api/v1/sidebar-tokens", body).body
        desk.src = token["url"]
        page = new_context().new_page()
        page.goto(desk.url)
        frame = page.frame_locator("iframe")
        expect(frame.locator(".before")).to_contain_text("Charge failed", timeout=SEEN)
        expect(frame.locator(".before")).to_contain_text("1 hour before")
        with page.expect_response(lambda answer: "/event-stream" in answer.url, timeout=SEEN):
            page.reload()
        record(system, contact_id, "charge_succeeded", amount=79, currency="EUR")
        expect(frame.locator(".lines")).to_contain_text("Charge succeeded", timeout=SEEN)
