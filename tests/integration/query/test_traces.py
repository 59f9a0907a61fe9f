"""The way of one event: accepted, in the log, projected; its copies; erased; set aside."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from query import trace
from schemas.positions import Position
from tests.integration.query.rows import NOON, TOPIC_ID

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.integration.query.rows import Rows

SECOND = timedelta(seconds=1)


def ask(client: FlaskClient, contact: int, event: str) -> TestResponse:
    return client.get(f"/api/v1/contacts/{contact}/events/{event}/trace")


def traced(client: FlaskClient, contact: int, event: str) -> dict[str, Any]:
    answer = ask(client, contact, event)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def test_the_way_of_an_event(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    event = rows.event(contact, received_at=NOON + SECOND)
    offset = rows.position.offset
    rows.projected(offset - 3, offset + 1, NOON + 2 * SECOND)
    duplicate = rows.copy(contact, event, "duplicate", None, NOON + 3 * SECOND)
    conflict = rows.copy(contact, event, "conflict", '{"name": "other", "n": 1.50}', NOON + 4 * SECOND)
    rows.copy(contact, "another", "duplicate", None, NOON)
    rows.copy(contact, event, "duplicate", None, NOON, type_="contact.updated.v1")  # whose ids are a space of their own

    answer = ask(client, contact, event)
    document = answer.get_json()

    assert '"n": 1.50' in answer.get_data(as_text=True)
    records = [document["log"].pop("record_id"), *(copy["log"].pop("record_id") for copy in document["copies"])]
    assert len(set(records)) == 3
    assert document == {
        "id": event,
        "contact_id": contact,
        "status": "on_timeline",
        "name": "plan_upgraded",
        "occurred_at": "2026-06-07T12:00:00Z",
        "received_at": "2026-06-07T12:00:01Z",
        "projected_at": "2026-06-07T12:00:02Z",
        "log": {"partition": 0, "offset": offset},
        "position": Position(TOPIC_ID, 0, offset).encode(),
        "copies": [
            {
                "kind": "duplicate",
                "received_at": "2026-06-07T12:00:03Z",
                "log": {"partition": 0, "offset": duplicate},
                "content": None,
            },
            {
                "kind": "conflict",
                "received_at": "2026-06-07T12:00:04Z",
                "log": {"partition": 0, "offset": conflict},
                "content": {"name": "other", "n": 1.5},
            },
        ],
        "more_copies": False,
        "set_aside": [],
    }


def test_when_it_was_projected_is_not_guessed(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    offset = rows.position.offset
    rows.projected(offset, offset + 1, NOON)
    event = rows.event(contact)

    assert traced(client, contact, event)["projected_at"] is None


def test_the_position_of_a_trace_opens_the_gate(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    position = traced(client, contact, rows.event(contact))["position"]

    assert client.get(f"/api/v1/contacts/{contact}/events?position={position}").status_code == 200


def test_an_erased_event_is_gone_not_unknown(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    event = rows.event(contact)
    rows.erase_event(contact, event)

    answer = ask(client, contact, event)

    assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
    document = answer.get_json()
    assert (document["code"], document["erased_at"]) == ("event_erased", "2026-06-07T12:00:00Z")
    assert (document["copies_refused"], document["last_refused_at"]) == (0, None)


def test_an_id_that_was_only_set_aside(client: FlaskClient, rows: Rows, other_workspace: int) -> None:
    contact = rows.contact()
    offset = rows.set_aside(contact, "broken-1", "invalid_data")
    rows.set_aside(contact, "broken-2", "invalid_data", workspace_id=other_workspace)

    document = traced(client, contact, "broken-1")

    assert (document["status"], document["log"], document["received_at"]) == ("set_aside", None, None)
    assert document["set_aside"] == [
        {
            "kind": "dead_letter",
            "reason": "invalid_data",
            "logged_at": "2026-06-07T12:00:00Z",
            "log": {"partition": 0, "offset": offset, "record_id": None},
        }
    ]
    assert ask(client, contact, "broken-2").status_code == 404


@pytest.mark.parametrize("event", ["unknown", "x" * 129, "%00", "²"])
def test_an_unknown_id(client: FlaskClient, rows: Rows, event: str) -> None:
    answer = ask(client, rows.contact(), event)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "event_not_found")


def test_of_very_many_copies_the_first_are_told(
    client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = rows.contact()
    event = rows.event(contact)
    offsets = [rows.copy(contact, event, "duplicate", None, NOON) for _ in range(4)]
    monkeypatch.setattr(trace, "MOST_COPIES", 3)
    monkeypatch.setattr("query.shapes_history.MOST_COPIES", 3)

    document = traced(client, contact, event)

    assert [copy["log"]["offset"] for copy in document["copies"]] == offsets[:3]
    assert document["more_copies"] is True
