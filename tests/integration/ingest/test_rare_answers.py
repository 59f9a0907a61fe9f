"""Answers that take some arranging: a contact being erased, being created, a gate that is full, a bug of ours."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import psycopg
from flask import Flask, Response
from werkzeug.exceptions import BadRequest
from werkzeug.test import Client

from ingest.main import build
from ingest.parts import Parts
from tests.integration.ingest.conftest import Api

if TYPE_CHECKING:
    import pytest

    from tests.integration.ingest.conftest import Log

EVENT = {"name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z"}


def parts_of(api: Api) -> Parts:
    app = api.client.application
    assert isinstance(app, Flask)
    parts = app.extensions["ingest"]
    assert isinstance(parts, Parts)
    return parts


def types(log: Log) -> list[str]:
    return [json.loads(record["value"])["type"] for record in log.records()]


def test_erasing_a_contact_marks_it_publishes_it_and_keeps_its_name_reserved(
    api: Api, log: Log, database_url: str
) -> None:
    contact = api.contact("one")
    erased = api.post(f"/api/v1/contacts/{contact}", b"", method="DELETE", Idempotency_Key="er-1")
    assert erased.status_code == 202, erased.text
    assert json.loads(erased.data)["update_id"] == "er-1"
    assert types(log) == ["contact.created.v1", "contact.erased.v1"]
    assert api.post(f"/api/v1/contacts/{contact}/events", EVENT).status_code == 404
    again = api.post("/api/v1/contacts", {"external_id": "one"})
    assert (again.status_code, json.loads(again.data)["code"]) == (409, "contact_being_erased")
    assert again.headers["Retry-After"]
    (item,) = json.loads(api.post("/api/v1/contacts/batch", {"contacts": [{"external_id": "one"}]}).data)["items"]
    assert (item["status"], item["code"]) == ("rejected", "contact_being_erased")
    repeated = api.post(f"/api/v1/contacts/{contact}", b"", method="DELETE", Idempotency_Key="er-2")
    assert repeated.status_code == 202
    assert {json.loads(record["value"])["id"] for record in log.records()[1:]} == {"er-1"}, "one erasure, one id"
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE write_side.contact_identities SET erasure_acked_at = now() - interval '2 hours'")
    service = build_and_sweep(api)
    assert service != contact, "a number is never given again"


def build_and_sweep(api: Api) -> int:
    """Let the sweeper drop what has served, then create the contact anew."""
    from ingest.erasing import KEEP  # noqa: PLC0415

    assert KEEP.total_seconds() == 3600
    parts_of(api).erasing.complete(10)
    return api.contact("one")


def test_an_interrupted_erasure_is_completed_by_the_sweeper(api: Api, log: Log, database_url: str) -> None:
    contact = api.contact("one")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE write_side.contact_identities SET erased_at = now(), erasure_id = 'er-9' WHERE contact_id = %s",
            [contact],
        )
    parts = parts_of(api)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE write_side.contact_identities SET claimed_until = now() - interval '1 second'")
    assert parts.erasing.complete(10) == 1
    assert parts.erasing.complete(10) == 0
    assert json.loads(log.records()[-1]["value"])["id"] == "er-9"


def test_erasing_an_event_needs_no_event(api: Api, log: Log) -> None:
    contact = api.contact("one")
    answer = api.post(f"/api/v1/contacts/{contact}/events/evt-1", b"", method="DELETE")
    assert answer.status_code == 202
    assert json.loads(log.records()[-1]["value"])["data"]["event_id"] == "evt-1"
    odd = api.post(f"/api/v1/contacts/{contact}/events/%C2%B2", b"", method="DELETE")
    assert (odd.status_code, json.loads(odd.data)["code"]) == (404, "event_not_found")
    foreign = api.post("/api/v1/contacts/999999/events/evt-1", b"", method="DELETE")
    assert (foreign.status_code, json.loads(foreign.data)["code"]) == (404, "contact_not_found")


def test_a_contact_that_another_request_is_creating_is_waited_for_and_then_a_503(
    api: Api, database_url: str, workspace: int
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO write_side.contact_identities (workspace_id, external_id, update_id, creation, claimed_until)"
            " VALUES (%s, 'one', 'k-0', %s, now() + interval '1 hour')",
            [workspace, '{"email":null,"name":null,"custom_data":{}}'],
        )
    answer = api.post("/api/v1/contacts", {"external_id": "one"})
    assert (answer.status_code, json.loads(answer.data)["code"]) == (503, "contact_being_created")
    assert json.loads(answer.data)["update_id"]


def test_a_full_gate_is_a_503(environment: dict[str, str], api: Api) -> None:
    contact = api.contact("one")
    service = build(environment | {"INGEST_MAX_OUTSTANDING_REQUESTS": "1"})
    try:
        app = service.app
        assert isinstance(app, Flask)
        gate = app.extensions["ingest"].recording._publisher._gate  # noqa: SLF001 - filling it by hand
        assert gate.enter(10)
        answer = Api(Client(app), api.api_key).post(f"/api/v1/contacts/{contact}/events", EVENT | {"id": "e-1"})
        assert (answer.status_code, json.loads(answer.data)["code"]) == (503, "overloaded")
        assert json.loads(answer.data)["id"] == "e-1"
        gate.leave(10)
        assert Api(Client(app), api.api_key).post(f"/api/v1/contacts/{contact}/events", EVENT).status_code == 202
        assert gate.outstanding_bytes == 0
    finally:
        service.close()


def test_a_body_that_breaks_off_is_a_problem(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.api_key}"}
    short = {"CONTENT_LENGTH": "100"}
    answer = api.client.post("/api/v1/contacts/1/events", data=b"{}", headers=headers, environ_overrides=short)
    assert (answer.status_code, json.loads(answer.data)["code"]) == (400, "incomplete_body")


def test_a_bug_of_ours_is_a_problem_too(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Response:
        raise RuntimeError("a bug")

    def odd() -> Response:
        raise BadRequest

    app = api.client.application
    assert isinstance(app, Flask)
    app.add_url_rule("/api/v1/broken", view_func=broken, methods=["POST"])
    app.add_url_rule("/api/v1/odd", view_func=odd, methods=["POST"])
    with caplog.at_level(logging.ERROR):
        answer = api.post("/api/v1/broken", {})
    assert (answer.status_code, json.loads(answer.data)["code"]) == (500, "internal_error")
    assert "a bug" not in answer.text
    refused = api.post("/api/v1/odd", {})
    assert (refused.status_code, json.loads(refused.data)["code"]) == (400, "bad_request")


def test_a_contact_that_breaks_rules_is_told_all_of_them(api: Api) -> None:
    body = {"external_id": "", "email": "nobody", "name": "a\tb", "custom_data": 5, "mail": "x"}
    answer = api.post("/api/v1/contacts", body)
    assert (answer.status_code, json.loads(answer.data)["code"]) == (422, "invalid_request")
    assert {fault["pointer"]: fault["code"] for fault in json.loads(answer.data)["errors"]} == {
        "/external_id": "blank",
        "/email": "invalid_email",
        "/name": "control_character",
        "/custom_data": "wrong_type",
        "/mail": "unknown_field",
    }


def test_a_change_reaches_the_topic_and_an_empty_one_is_refused(api: Api, log: Log) -> None:
    contact = api.contact("one")
    path = f"/api/v1/contacts/{contact}"
    answer = api.post(path, b'{"custom_data": {"plan": "pro", "n": 1.50, "old": null}}', method="PATCH")
    assert answer.status_code == 200
    assert b'"custom_data":{"plan": "pro", "n": 1.50, "old": null}' in log.records()[-1]["value"]
    empty = api.post(path, {}, method="PATCH")
    assert (empty.status_code, json.loads(empty.data)["errors"][0]["code"]) == (422, "nothing_to_change")
    assert api.post("/api/v1/contacts/999999", {"name": "A"}, method="PATCH").status_code == 404


def test_a_batch_of_contacts_answers_each(api: Api, log: Log) -> None:
    contacts = [
        {"external_id": "one", "update_id": "u-1"},
        {"external_id": "two", "name": "Two"},
        {"external_id": "one", "email": "one@example.com"},
        {"external_id": 3},
    ]
    answer = api.post("/api/v1/contacts/batch", {"contacts": contacts})
    assert answer.status_code == 207
    body = json.loads(answer.data)
    assert [item["status"] for item in body["items"]] == ["accepted"] * 3 + ["rejected"]
    assert [item.get("created") for item in body["items"]] == [True, True, False, None]
    assert body["items"][0]["id"] == body["items"][2]["id"]
    assert sorted(types(log)) == ["contact.created.v1", "contact.created.v1", "contact.updated.v1"]
    lines = b'{"external_id": "one"}\n{"external_id": \n\n{"external_id": "four"}'
    ndjson = api.post("/api/v1/contacts/batch", lines, Content_Type="application/x-ndjson")
    assert [item["status"] for item in json.loads(ndjson.data)["items"]] == ["accepted", "rejected", "accepted"]


def test_faults_about_who_the_event_is_of(api: Api) -> None:
    events = [EVENT, EVENT | {"contact_id": 1, "external_id": "x"}, EVENT | {"contact_id": 0}]
    items = json.loads(api.post("/api/v1/events/batch", {"events": events}).data)["items"]
    assert [item["code"] for item in items] == ["no_contact", "two_contacts", "out_of_range"]


def test_a_batch_that_could_not_be_handed_over_is_not_even_judged(api: Api) -> None:
    gate = parts_of(api).recording._publisher._gate  # noqa: SLF001 - what is full
    assert gate.enter(gate.max_bytes)
    answer = api.post("/api/v1/events/batch", b'{"events": [nonsense')
    assert (answer.status_code, json.loads(answer.data)["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "2"
    assert api.post("/api/v1/events/batch?dry_run=true", b'{"events": [nonsense').status_code == 400
    gate.leave(gate.max_bytes)
    assert api.post("/api/v1/events/batch", b'{"events": [nonsense').status_code == 400
