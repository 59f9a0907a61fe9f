"""What is said about event names, in the answers of the API: aliases, hidden names, settings, the catalogue itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from click.testing import CliRunner

from cli.workspaces import workspaces
from query.sessions import COOKIE, Sessions
from query.sidebar_tokens import SidebarTokens
from query.workspaces import find_workspace
from schemas.api_keys import SCOPES
from schemas.positions import Position
from tests.conftest import create_api_key, create_workspace
from tests.integration.query.rows import NOON, TOPIC_ID

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows


class Told:
    """A workspace with a contact, whose events have an alias, a hidden name and a plain one among them."""

    def __init__(self, app: Flask, database_url: str, secret: str, rows: Rows) -> None:
        self.rows = rows
        self.workspace_id = create_workspace(database_url, "Told")
        self.contact_id = rows.contact(workspace_id=self.workspace_id)
        for minute, name in enumerate(["login", "heartbeat", "plan_upgraded", "heartbeat", "plan_upgarded"]):
            self.event(name, minute)
        rows.say("plan_upgarded", alias="plan_upgraded", workspace_id=self.workspace_id)
        rows.say("heartbeat", hidden=True, workspace_id=self.workspace_id)
        sessions, tokens = Sessions(secret, _now), SidebarTokens(secret, _now)
        self.sessions = sessions
        link = sessions.sign_in_link("http://localhost", self.workspace_id, "/")
        key = create_api_key(database_url, self.workspace_id, list(SCOPES))
        self._headers = {
            "key": {"Authorization": f"Bearer {key}"},
            "agent": {"Cookie": f"{COOKIE}={sessions.open(link.partition('#')[2])[1]}"},
            "sidebar": {"Authorization": f"Bearer {tokens.mint(self.workspace_id, self.contact_id).text}"},
        }
        self._client = app.test_client(use_cookies=False)

    def headers(self, kind: str) -> dict[str, str]:
        return self._headers[kind]

    def event(self, name: str, minute: int) -> str:
        at = NOON + timedelta(minutes=minute)
        return self.rows.event(self.contact_id, name, at, workspace_id=self.workspace_id)

    def get(self, kind: str, path: str, **query: object) -> dict[str, Any]:
        """Ask for something of the contact."""
        address = f"/api/v1/contacts/{self.contact_id}/{path}"
        answer = self._client.get(address, query_string=query, headers=self._headers[kind])
        assert answer.status_code == 200, answer.text
        if path == "event-export":
            return {"data": [msgspec.json.decode(line) for line in answer.data.splitlines()]}
        document: dict[str, Any] = answer.get_json()
        return document

    def names(self, kind: str, path: str = "events", **query: object) -> list[str]:
        return [event["name"] for event in self.get(kind, path, **query)["data"]]

    def streamed(self, kind: str, **query: object) -> list[dict[str, Any]]:
        """Read what a stream tells at once: all since the beginning of the log."""
        address = f"/api/v1/contacts/{self.contact_id}/event-stream"
        query["after"] = Position(TOPIC_ID, 0, 0).encode()
        answer = self._client.get(address, query_string=query, headers=self._headers[kind])
        text = b""
        for chunk in answer.iter_encoded():
            text += chunk
            if b"event: position" in text:
                break
        answer.close()
        blocks = [block.split(b"data: ") for block in text.split(b"\n\n") if b"event: event" in block]
        return [msgspec.json.decode(block[1]) for block in blocks]


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def told(app: Flask, database_url: str, environment: dict[str, str], rows: Rows) -> Told:
    return Told(app, database_url, environment["SECRET_KEY"], rows)


ALL = ["plan_upgarded", "heartbeat", "plan_upgraded", "heartbeat", "login"]
SEEN = ["plan_upgarded", "plan_upgraded", "login"]


def test_an_event_says_what_it_is_shown_as(told: Told) -> None:
    found = told.get("key", "events")["data"]
    assert [(event["name"], event["shown_as"], event["hidden"]) for event in found[:3]] == [
        ("plan_upgarded", "plan_upgraded", False),
        ("heartbeat", "heartbeat", True),
        ("plan_upgraded", "plan_upgraded", False),
    ]
    one = told.get("agent", f"events/{found[0]['id']}")
    assert (one["name"], one["shown_as"]) == ("plan_upgarded", "plan_upgraded")


@pytest.mark.parametrize("path", ["events", "event-export"])
def test_agents_are_spared_hidden_names_unless_they_ask(told: Told, path: str) -> None:
    assert told.names("key", path) == ALL
    assert told.names("key", path, include_hidden="false") == SEEN
    for kind in ("agent", "sidebar"):
        assert told.names(kind, path) == SEEN
        assert told.names(kind, path, include_hidden="true") == ALL
        assert told.names(kind, path, name="heartbeat") == ["heartbeat"] * 2


def test_pages_without_hidden_names_lead_both_ways(told: Told) -> None:
    first = told.get("agent", "events", limit=2)
    assert [event["name"] for event in first["data"]] == SEEN[:2]
    second = told.get("agent", "events", limit=2, cursor=first["next_cursor"])
    assert [event["name"] for event in second["data"]] == SEEN[2:]
    assert second["next_cursor"] is None
    back = told.get("agent", "events", limit=2, cursor=second["prev_cursor"])
    assert [event["name"] for event in back["data"]] == SEEN[:2]
    assert told.names("agent", text="e", name_prefix="h") == []


def test_a_filter_takes_the_name_or_what_it_is_shown_as(told: Told) -> None:
    assert told.names("key", name="plan_upgraded") == ["plan_upgarded", "plan_upgraded"]
    assert told.names("key", name="plan_upgarded") == ["plan_upgarded"]
    days = told.get("key", "event-summary", name="plan_upgraded", **_range())["histogram"]["days"]
    assert [day["names"] for day in days] == [{"plan_upgarded": 1, "plan_upgraded": 1}]


def _range() -> dict[str, str]:
    return {"from": "2026-06-01T00:00:00Z", "before": "2026-07-01T00:00:00Z"}


def test_a_summary_adds_up_what_is_shown_as_one(told: Told) -> None:
    document = told.get("agent", "event-summary", **_range())
    assert [(one["name"], one["count"]) for one in document["data"]] == [
        ("login", 1),
        ("plan_upgarded", 1),
        ("plan_upgraded", 1),
    ]
    assert [(one["name"], one["count"], one["recorded_names"]) for one in document["shown"]] == [
        ("plan_upgraded", 2, ["plan_upgarded", "plan_upgraded"]),
        ("login", 1, ["login"]),
    ]
    assert document["total"] == 3
    assert document["histogram"]["days"][0]["count"] == 3
    whole = told.get("key", "event-summary", **_range())
    assert (whole["total"], whole["histogram"]["days"][0]["count"]) == (5, 5)
    assert {one["name"]: one["hidden"] for one in whole["shown"]}["heartbeat"] is True


def test_the_sidebars_answer_leaves_hidden_names_out(told: Told) -> None:
    started = {"conversation_started_at": "2026-06-07T13:00:00Z"}
    document = told.get("sidebar", "sidebar", **started)
    assert [event["name"] for event in document["events"]] == SEEN
    document = told.get("agent", "sidebar", **started)
    assert [event["shown_as"] for event in document["before_conversation"]] == ["plan_upgraded", *SEEN[1:]]
    document = told.get("key", "sidebar", **started)
    assert [event["name"] for event in document["before_conversation"]] == ALL


def test_a_stream_tells_the_same(told: Told) -> None:
    assert sorted(event["name"] for event in told.streamed("agent")) == sorted(SEEN)
    assert sorted(event["name"] for event in told.streamed("sidebar", include_hidden="true")) == sorted(ALL)
    found = {event["name"]: event["shown_as"] for event in told.streamed("key")}
    assert found["plan_upgarded"] == "plan_upgraded"
    assert "heartbeat" in found


def test_a_read_that_carries_a_position_sees_what_was_said_before_it(told: Told) -> None:
    assert told.names("agent") == SEEN  # remembered from here on
    told.rows.say("login", hidden=True, workspace_id=told.workspace_id)
    assert told.names("agent", position=told.rows.position.encode()) == SEEN[:2]
    assert told.names("agent") == SEEN[:2]
    told.rows.say("plan_upgarded", alias=None, workspace_id=told.workspace_id)
    found = told.get("agent", "events", position=told.rows.position.encode())["data"]
    assert [event["shown_as"] for event in found] == ["plan_upgarded", "plan_upgraded"]  # the history is untouched


@pytest.mark.parametrize("path", ["events", "event-export", "event-summary", "sidebar", "event-stream"])
def test_a_flag_is_true_or_false(client: FlaskClient, rows: Rows, path: str) -> None:
    answer = client.get(f"/api/v1/contacts/{rows.contact()}/{path}?include_hidden=yes")
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "invalid_flag")


def test_the_catalogue_says_all_that_is_known_of_a_name(
    stranger: FlaskClient, client: FlaskClient, other_workspace: int, rows: Rows
) -> None:
    contact = rows.contact(workspace_id=other_workspace)
    for name in ("plan_upgraded", "plan_upgarded", "Plan Upgraded", "login"):
        rows.event(contact, name, workspace_id=other_workspace)
    rows.say("plan_upgarded", alias="plan_upgraded", archived=True, workspace_id=other_workspace)
    rows.say(
        "plan_upgraded", description="D", tone="positive", template="{a}", pinned=True, workspace_id=other_workspace
    )
    rows.say("not_sent_yet", hidden=True, workspace_id=other_workspace)
    rows.properties(other_workspace, "plan_upgraded", {"mrr": ("number", 3), "plan": ("string", 4)})

    data = {one["name"]: one for one in stranger.get("/api/v1/event-names").get_json()["data"]}

    assert list(data) == sorted(data) == ["Plan Upgraded", "login", "not_sent_yet", "plan_upgarded", "plan_upgraded"]
    upgraded = data["plan_upgraded"]
    said = ("description", "tone", "template", "pinned", "hidden", "archived", "alias", "shown_as", "near")
    assert [upgraded[field] for field in said] == [
        "D",
        "positive",
        "{a}",
        True,
        False,
        False,
        None,
        "plan_upgraded",
        ["Plan Upgraded"],
    ]
    assert [
        (one["name"], [(each["type"], each["count"]) for each in one["types"]]) for one in upgraded["properties"]
    ] == [
        ("mrr", [("number", 3)]),
        ("plan", [("string", 4)]),
    ]
    assert upgraded["other_properties"] == 4
    assert (data["plan_upgarded"]["shown_as"], data["plan_upgarded"]["archived"]) == ("plan_upgraded", True)
    assert (data["not_sent_yet"]["count"], data["not_sent_yet"]["last_received_at"]) == (0, None)
    found = stranger.get("/api/v1/event-names", query_string={"name": "plan_upgraded"}).get_json()["data"]
    assert [one["name"] for one in found] == ["plan_upgarded", "plan_upgraded"]
    assert "not_sent_yet" not in {one["name"] for one in client.get("/api/v1/event-names").get_json()["data"]}


def test_the_catalogues_pages_are_for_agents_and_of_their_own_workspace(app: Flask, told: Told, workspace: int) -> None:
    client, own = app.test_client(use_cookies=False), told.headers("agent")
    link = told.sessions.sign_in_link("http://localhost", workspace, "/")
    foreign = {"Cookie": f"{COOKIE}={told.sessions.open(link.partition('#')[2])[1]}"}
    for path in ("/event-names", "/event-name?name=plan_upgarded"):
        page = client.get(path, headers=own)
        assert (page.status_code, "plan_upgarded" in page.text) == (200, True)
        page = client.get(path, headers=foreign)
        assert "plan_upgarded" not in page.text
        assert page.status_code == (404 if "name=" in path else 200)
        for headers in ({}, told.headers("key"), told.headers("sidebar"), {"Cookie": f"{COOKIE}=forged"}):
            page = client.get(path, headers=headers)
            assert (page.status_code, page.headers["Location"].partition("?")[0]) == (303, "/sign-in")
        assert client.post(path, headers=own).status_code in {403, 405}


def test_a_workspace_pins_keys_of_custom_data(database_url: str) -> None:
    workspace = create_workspace(database_url, "Pinning")
    command = ["set", str(workspace), "--pin-custom-data", "plan", "--pin-custom-data", "mrr"]
    with psycopg.connect(database_url) as connection:
        for arguments, pinned in (
            ([], []),
            (command, ["plan", "mrr"]),
            (["set", str(workspace), "--pin-custom-data", ""], []),
        ):
            if arguments:
                done = CliRunner().invoke(workspaces, arguments, obj={"DATABASE_URL": database_url})
                assert done.exit_code == 0, done.output
            found = find_workspace(connection, workspace)
            assert found is not None
            assert found.pinned_custom_data == pinned
