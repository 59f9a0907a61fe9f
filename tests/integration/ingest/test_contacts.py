"""Creating and finding contacts."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from tests.integration.ingest.conftest import Api, Log


def test_the_first_call_creates_and_the_second_finds(api: Api, log: Log) -> None:
    created = api.post(
        "/api/v1/contacts", {"external_id": "s-1", "email": "ada@example.com", "custom_data": {"n": 1.50}}
    )
    assert created.status_code == 201, created.text
    first = json.loads(created.data)
    assert first["external_id"] == "s-1"
    found = api.post("/api/v1/contacts", {"external_id": "s-1", "name": "Ada"})
    assert found.status_code == 200
    assert json.loads(found.data)["id"] == first["id"]
    only_asked = api.post("/api/v1/contacts", {"external_id": "s-1"})
    assert only_asked.status_code == 200
    assert json.loads(only_asked.data)["position"] == first["position"]
    types = [json.loads(record["value"])["type"] for record in log.records()]
    assert types == ["contact.created.v1", "contact.updated.v1"]
    assert b'"custom_data":{"n": 1.5}' in log.records()[0]["value"]


def test_sending_a_creation_again_is_the_same_creation(api: Api, log: Log) -> None:
    answers = [api.post("/api/v1/contacts", {"external_id": "s-1"}, Idempotency_Key="k-1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    values = [json.loads(record["value"]) for record in log.records()]
    assert {(value["type"], value["id"]) for value in values} == {("contact.created.v1", "k-1")}


def test_two_hundred_concurrent_creates_give_one_contact(api: Api, log: Log, database_url: str) -> None:
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: api.post("/api/v1/contacts", {"external_id": "s-1"}), range(200)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 1, statuses
    assert statuses.count(200) == 199, statuses
    assert len({json.loads(answer.data)["id"] for answer in answers}) == 1
    assert len(log.records()) == 1
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM write_side.contact_identities").fetchone()
        assert row == (1,)


def test_a_contact_never_acknowledged_is_not_usable_and_the_next_call_completes_it(
    api: Api, log: Log, database_url: str, workspace: int
) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "INSERT INTO write_side.contact_identities (workspace_id, external_id, update_id, creation)"
            " VALUES (%s, 's-1', 'k-0', %s) RETURNING contact_id",
            [workspace, '{"email":null,"name":"Ada","custom_data":{"n":1.50}}'],
        ).fetchone()
    assert row is not None
    event = {"name": "x", "occurred_at": "2026-06-07T10:30:00Z"}
    assert api.post(f"/api/v1/contacts/{row[0]}/events", event).status_code == 404
    answer = api.post("/api/v1/contacts", {"external_id": "s-1", "email": "ada@example.com"})
    assert answer.status_code == 200
    assert json.loads(answer.data)["id"] == row[0]
    created, updated = (json.loads(record["value"]) for record in log.records())
    assert (created["type"], created["id"], created["data"]["name"]) == ("contact.created.v1", "k-0", "Ada")
    assert updated["data"]["profile"] == {"email": "ada@example.com"}
    assert api.post(f"/api/v1/contacts/{row[0]}/events", event).status_code == 202
