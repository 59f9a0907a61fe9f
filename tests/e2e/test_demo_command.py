"""`make demo` as a newcomer runs it, and runs it again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import psycopg
import pytest
import urllib3
from playwright.sync_api import expect

from tests.e2e.system import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.e2e.stack_folder import StackFolder


@pytest.fixture(scope="module")
def first_output(stack_folder: StackFolder) -> str:
    return stack_folder.run("demo", "run")


def counts(output: str) -> dict[str, list[int]]:
    lines = re.findall(r"^(Contacts|Events)\b(.*)$", output, re.MULTILINE)
    return {name: [int(number) for number in re.findall(r"\d+", rest)] for name, rest in lines}


def counters(stack_folder: StackFolder) -> dict[str, int]:
    with psycopg.connect(stack_folder.environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT sum(applied), sum(duplicate), sum(conflict), sum(refused), sum(dead_lettered), sum(set_aside)"
            " FROM projection.positions"
        ).fetchone()
    assert row is not None
    names = ("applied", "duplicate", "conflict", "refused", "dead_lettered", "set_aside")
    return {name: int(str(count)) for name, count in zip(names, row, strict=True)}


def printed_curl(output: str) -> tuple[str, str, dict[str, str]]:
    """Take the printed request apart: URL, body, headers."""
    lines = output[output.index("  curl ") :].splitlines()
    headers = dict(line.split("'")[1].split(": ", 1) for line in lines[1:3])
    return lines[0].split()[1], lines[3].split("'")[1], headers


def test_the_first_run_is_all_new_and_ends_with_pages_to_open(first_output: str) -> None:
    contacts, events = counts(first_output)["Contacts"], counts(first_output)["Events"]
    assert contacts == [200, 200, 0]
    assert events[0] == events[1] > 4_000
    assert events[2] == 0
    assert "plan_upgraded" in first_output
    links = re.findall(r"http://\S+/sign-in\?next=(\S+?)#\S+", first_output)
    assert links[0] == "/"
    assert len(links) == 4
    assert all(re.fullmatch(r"/contacts/\d+", link) for link in links[1:])


def test_the_printed_request_is_accepted_and_seen(stack_folder: StackFolder, first_output: str) -> None:
    url, body, headers = printed_curl(first_output)
    answer = urllib3.request("POST", url, body=body, headers=headers, retries=False, timeout=60.0)
    assert answer.status == 202, answer.data
    at = {"position": answer.json()["position"]}

    def seen() -> bool:
        page = urllib3.request("GET", url, fields=at, headers=headers, timeout=60.0)
        return page.status == 200 and page.json()["data"][0]["id"] == json.loads(body)["id"]

    wait_until(seen, "the event is on the timeline")
    assert stack_folder.environment["BASE_URL"] in url


def test_the_helpdesk_frames_the_sidebar_of_the_conversations_contact(
    stack_folder: StackFolder, first_output: str
) -> None:
    helpdesk = re.findall(r"http://127\.0\.0\.1:\d+$", first_output, re.MULTILINE)[-1]
    page = urllib3.request("GET", helpdesk, timeout=60.0)
    assert page.status == 200
    conversation = re.findall(r'data-conversation="(\S+?)"', page.data.decode())[0]
    answer = urllib3.request("POST", f"{helpdesk}/conversations/{conversation}/sidebar-token", json={}, timeout=60.0)
    assert answer.status == 200, answer.data
    url = answer.json()["url"]
    assert url.startswith(stack_folder.environment["BASE_URL"] + "/embed/")
    frame = urllib3.request("GET", url.split("#")[0], timeout=60.0)
    assert frame.status == 200
    policy = frame.headers["Content-Security-Policy"]
    assert helpdesk in next(part for part in policy.split(";") if "frame-ancestors" in part)


@pytest.fixture
def page(chromium_browser: Browser) -> Iterator[Page]:
    context = chromium_browser.new_context()
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.mark.browser
def test_the_reader_sees_the_event_of_the_printed_request_arrive(page: Page, first_output: str) -> None:
    link = re.findall(r"http://\S+/sign-in\?next=/contacts/\S+", first_output)[0]
    url, body, headers = printed_curl(first_output)
    event = json.loads(body) | {"id": "seen-in-the-browser", "properties": {"feature": "pasted_by_the_reader"}}
    with page.expect_response(lambda answer: "/event-stream" in answer.url):
        page.goto(link)
    expect(page.locator(".event", has_text="Plan upgraded").first).to_be_visible(timeout=60_000)
    answer = urllib3.request("POST", url, json=event, headers=headers, retries=False, timeout=60.0)
    assert answer.status == 202
    expect(page.locator(".event", has_text="pasted_by_the_reader")).to_be_visible(timeout=60_000)


@pytest.mark.browser
def test_the_sidebar_answers_the_question_of_the_conversation(page: Page, first_output: str) -> None:
    helpdesk = re.findall(r"http://127\.0\.0\.1:\d+$", first_output, re.MULTILINE)[-1]
    page.goto(helpdesk)
    sidebar = page.frame_locator("iframe")
    expect(sidebar.get_by_text("Maya Lindqvist")).to_be_visible(timeout=60_000)
    expect(sidebar.get_by_text("2 days before").first).to_be_visible(timeout=60_000)
    expect(sidebar.get_by_text("Plan upgraded").first).to_be_visible(timeout=60_000)


@pytest.mark.usefixtures("first_output")
def test_a_second_run_reports_only_duplicates(stack_folder: StackFolder) -> None:
    before = counters(stack_folder)
    output = stack_folder.run("demo", "run")
    after = counters(stack_folder)
    contacts, events = counts(output)["Contacts"], counts(output)["Events"]
    assert contacts == [200, 0, 200]
    assert events[1] == 0
    assert events[2] == events[0] > 4_000
    assert after["applied"] == before["applied"]
    assert after["duplicate"] - before["duplicate"] >= events[0]
    assert after == before | {"duplicate": after["duplicate"]}


@pytest.mark.usefixtures("first_output")
def test_custom_data_ends_as_the_story_does(stack_folder: StackFolder) -> None:
    from cli.demo.memory import recall  # noqa: PLC0415 - beside its only use
    from cli.demo.quarter import build_quarter  # noqa: PLC0415

    memory = recall(stack_folder.root / ".run" / "demo.json")
    assert memory is not None
    stories = build_quarter(memory.seed, memory.end).stories
    with psycopg.connect(stack_folder.environment["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT external_id, custom_data FROM projection.contacts WHERE external_id = ANY(%(ids)s)",
            {"ids": list(stories)},
        ).fetchall()
    assert {str(external_id): data for external_id, data in rows} == {
        external_id: json.loads(json.dumps(story.final_data)) for external_id, story in stories.items()
    }
