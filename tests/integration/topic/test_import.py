"""`topic import` puts a file's events on timelines; a second run, or one after kill -9, changes nothing."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from cli.topic_import_sending import BATCH
from tests.integration.running import wait_until
from tests.integration.topic.conftest import Commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.running import Running

MOMENT = "2026-06-07T10:30:00Z"


@pytest.fixture
def commands(environment: Mapping[str, str], running: Running, tmp_path: Path) -> Commands:
    return Commands({**environment, "BASE_URL": running.url, "API_KEY": running.api_key}, tmp_path)


def contact(running: Running, external_id: str) -> dict[str, Any]:
    """Find or make a contact, and read it when all that was sent before is on its timeline."""
    answer = running.api.write("POST", "/api/v1/contacts", {"external_id": external_id, "custom_data": {"seen": True}})
    read = running.api.get(f"/api/v1/contacts/{answer.body['id']}", position=answer.body["position"])
    return read.body


def timeline(running: Running, contact_id: int) -> list[dict[str, Any]]:
    page = running.api.get(f"/api/v1/contacts/{contact_id}/events", limit=200).body
    events: list[dict[str, Any]] = page["data"]
    assert page["next_cursor"] is None
    return events


def test_a_files_events_are_on_the_timelines_once(running: Running, commands: Commands, tmp_path: Path) -> None:
    first = contact(running, "shop-1")
    lines = [
        {"id": "a", "contact_id": first["id"], "name": "plan_upgraded", "occurred_at": MOMENT, "properties": {"n": 1}},
        {"contact_id": first["id"], "name": "trial_started", "occurred_at": MOMENT},
        {"external_id": "shop-2", "name": "shop_installed", "occurred_at": MOMENT},
        {"contact_id": first["id"], "name": "x", "occurred_at": "yesterday"},
        {"contact_id": first["id"], "name": "x", "occurred_at": MOMENT, "colour": "red"},
    ]
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join([*map(json.dumps, lines), "{broken", ""]))
    for _ in range(2):
        told = commands.run("import", str(file), "--create-contacts", code=1).stderr
        assert "3 events accepted, 3 refused" in told
        refused = [json.loads(line) for line in (tmp_path / "events.ndjson.errors.ndjson").read_text().splitlines()]
        assert [(each["line"], each["code"]) for each in refused] == [
            (4, "invalid_time"),
            (5, "unknown_field"),
            (6, "unreadable"),
        ]
        assert contact(running, "shop-1")["event_count"] == 2
        second = contact(running, "shop-2")
        assert [event["name"] for event in timeline(running, second["id"])] == ["shop_installed"]
    events = timeline(running, first["id"])
    assert {event["name"] for event in events} == {"plan_upgraded", "trial_started"}
    assert next(event for event in events if event["id"] == "a")["properties"] == {"n": 1}
    assert not (tmp_path / "events.ndjson.import.json").exists()


def test_csv_with_unknown_contacts(running: Running, commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(f"external_id,name,occurred_at,properties.plan\nshop-9,plan_upgraded,{MOMENT},pro\n")
    assert "0 events accepted, 1 refused" in commands.run("import", str(file), code=1).stderr
    assert "1 events accepted, 0 refused" in commands.run("import", str(file), "--create-contacts").stderr
    assert not (tmp_path / "events.csv.errors.ndjson").exists()
    (event,) = timeline(running, contact(running, "shop-9")["id"])
    assert event["properties"] == {"plan": "pro"}


def test_an_import_killed_with_kill_9_goes_on(running: Running, commands: Commands, tmp_path: Path) -> None:
    number = contact(running, "shop-1")["id"]
    many = 6 * BATCH
    file, state = tmp_path / "events.ndjson", tmp_path / "events.ndjson.import.json"
    file.write_text(
        "".join(
            json.dumps({"contact_id": number, "name": "x", "occurred_at": MOMENT if n % 1_000 else "never"}) + "\n"
            for n in range(many)
        )
    )
    process = commands.start("import", str(file))
    deadline = time.monotonic() + 120
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    told = commands.run("import", str(file), code=1).stderr
    assert f"{many - 3:,} events accepted, 3 refused" in told
    refused = (tmp_path / "events.ndjson.errors.ndjson").read_text().splitlines()
    assert [json.loads(line)["line"] for line in refused] == [1, 1_001, 2_001]
    wait_until(lambda: contact(running, "shop-1")["event_count"] == many - 3, "all of them are on the timeline")


def test_a_wrong_key_sends_nothing_and_says_so(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text('{"contact_id":1,"name":"x","occurred_at":"2026-06-07T10:30:00Z"}')
    wrong = Commands({**commands.environment, "API_KEY": "wrong"}, tmp_path)
    told = wrong.run("import", str(file), code=1).stderr
    assert "401" in told
    assert "goes on where this stopped" in told


def test_an_export_of_segments_messages_becomes_contacts_and_events(
    running: Running, commands: Commands, tmp_path: Path
) -> None:
    track = {"type": "track", "userId": "shop-9", "event": "plan_upgraded", "timestamp": MOMENT}
    messages = [
        {"type": "identify", "userId": "shop-9", "messageId": "i", "traits": {"name": "Ada", "plan": "pro"}},
        track | {"messageId": "t-1", "properties": {"n": 1}, "context": {"library": {"name": "x"}}},
        track | {"event": "trial_started"},  # without an id
        {"type": "page", "userId": "shop-9"},
        {"type": "track", "anonymousId": "a", "event": "seen", "timestamp": MOMENT},
        track | {"userId": "shop-10", "messageId": "t-2"},
    ]
    file = tmp_path / "segment.ndjson"
    file.write_text("\n".join(map(json.dumps, messages)))
    for _ in range(2):
        told = commands.run("import", str(file), "--format", "segment", code=1).stderr
        assert "4 events accepted, 1 refused, 1 of types that are not kept" in told
    refused = (tmp_path / "segment.ndjson.errors.ndjson").read_text().splitlines()
    assert [(json.loads(line)["line"], json.loads(line)["code"]) for line in refused] == [(5, "no_user")]
    ada, other = contact(running, "shop-9"), contact(running, "shop-10")
    assert (ada["name"], ada["custom_data"]) == ("Ada", {"plan": "pro", "seen": True})
    assert [event["name"] for event in timeline(running, ada["id"])] == ["trial_started", "plan_upgraded"]
    assert [event["id"] for event in timeline(running, other["id"])] == ["t-2"]
