"""Who may do what, how a body may come, and every answer that is no plain success."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import create_api_key
from tests.integration.ingest.conftest import Api

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.integration.ingest.conftest import Log

ROOT = Path(__file__).parents[3]
EVENT = {"name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z"}


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.data)
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


def set_workspace(database_url: str, workspace: int, settings: dict[str, object]) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE write_side.workspaces SET settings = %s::jsonb WHERE id = %s", [json.dumps(settings), workspace]
        )


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "missing_api_key"),
        ("Basic eDp5", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer hello", "malformed_api_key"),
    ],
)
def test_without_a_key_there_is_a_401(api: Api, authorization: str, code: str) -> None:
    answer = api.post("/api/v1/contacts/1/events", EVENT, Authorization=authorization)
    assert answer.status_code == 401
    assert problem(answer)["code"] == code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_and_an_expired_key_are_refused(api: Api, database_url: str, workspace: int) -> None:
    for column in ("revoked_at", "expires_at"):
        key = create_api_key(database_url, workspace, ["events:write"])
        with psycopg.connect(database_url) as connection:
            connection.execute(
                f"UPDATE write_side.api_keys SET {column} = now() WHERE key_id = %s", [key.split("_")[1]]
            )
        answer = Api(api.client, key).post("/api/v1/contacts/1/events", EVENT)
        assert (answer.status_code, problem(answer)["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "/api/v1/contacts/1/events", "events:write"),
        ("POST", "/api/v1/events/batch", "events:write"),
        ("POST", "/api/v1/contacts", "contacts:write"),
        ("POST", "/api/v1/contacts/batch", "contacts:write"),
        ("PATCH", "/api/v1/contacts/1", "contacts:write"),
        ("DELETE", "/api/v1/contacts/1", "erase"),
        ("DELETE", "/api/v1/contacts/1/events/e", "erase"),
        ("PATCH", "/api/v1/event-names/plan_upgraded", "admin"),
    ],
)
def test_a_key_does_only_what_its_scopes_say(
    api: Api, database_url: str, workspace: int, call: tuple[str, str, str]
) -> None:
    method, path, scope = call
    others = [each for each in ("events:write", "contacts:write", "erase", "events:read") if each != scope]
    key = create_api_key(database_url, workspace, others)
    answer = Api(api.client, key).post(path, {}, method=method)
    assert answer.status_code == 403
    assert (problem(answer)["code"], problem(answer)["required_scope"]) == ("missing_scope", scope)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content_Type": "text/plain"}, "unsupported_media_type"),
        ({"Content_Type": "application/x-www-form-urlencoded"}, "unsupported_media_type"),
        ({"Content_Type": "application/json; charset=utf-16"}, "unsupported_media_type"),
        ({"Content_Type": "application/x-ndjson"}, "unsupported_media_type"),
        ({"Content_Encoding": "br"}, "unsupported_content_encoding"),
    ],
)
def test_another_kind_of_body_is_a_415_that_says_what_to_send(api: Api, headers: dict[str, str], code: str) -> None:
    answer = api.post("/api/v1/contacts/1/events", EVENT, **headers)
    assert answer.status_code == 415
    document = problem(answer)
    assert document["code"] == code
    assert "Content-" in document["detail"]


def test_a_body_without_a_content_type_is_taken_for_json(api: Api) -> None:
    contact = api.contact()
    answer = api.client.post(
        f"/api/v1/contacts/{contact}/events",
        data=json.dumps(EVENT).encode(),
        headers={"Authorization": f"Bearer {api.api_key}"},
    )
    assert answer.status_code == 202


def test_gzip_is_taken_up_to_a_bound(api: Api) -> None:
    contact = api.contact()
    path = f"/api/v1/contacts/{contact}/events"
    packed = gzip.compress(json.dumps(EVENT).encode())
    assert api.post(path, packed, Content_Encoding="gzip").status_code == 202
    for broken in (b"no gzip", packed[:-4], packed + b"x"):
        answer = api.post(path, broken, Content_Encoding="gzip")
        assert (answer.status_code, problem(answer)["code"]) == (400, "invalid_gzip")
    bomb = api.post(path, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")
    assert (bomb.status_code, problem(bomb)["code"]) == (413, "body_too_large")


def test_too_much_is_a_413_with_the_limit(api: Api) -> None:
    large = api.post("/api/v1/events/batch", b" " * 1_048_577)
    assert (large.status_code, problem(large)["limit"]) == (413, 1_048_576)
    many = api.post("/api/v1/events/batch", {"events": [{}] * 1001})
    assert (many.status_code, problem(many)["code"], problem(many)["limit"]) == (422, "too_many_items", 1000)


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ([], ["not_an_object"]),
        ({"event": []}, ["unknown_field", "required"]),
        ({"events": {}}, ["required"]),
        ({"events": [], "x": 1}, ["unknown_field"]),
        (b'{"events": [{}], "events": []}', ["duplicate_key"]),
    ],
)
def test_what_is_no_batch_is_refused_whole(api: Api, body: object, codes: list[str]) -> None:
    answer = api.post("/api/v1/events/batch", body)
    assert answer.status_code == 422
    assert [fault["code"] for fault in problem(answer)["errors"]] == codes


def test_an_empty_batch_is_refused(api: Api) -> None:
    for body, kind in ((b'{"events": []}', "application/json"), (b"\n\n", "application/x-ndjson")):
        answer = api.post("/api/v1/events/batch", body, Content_Type=kind)
        assert (answer.status_code, problem(answer)["code"]) == (422, "empty_batch")


def test_unknown_paths_and_methods_are_problems_too(api: Api) -> None:
    unknown = api.post("/api/v1/contact", {})
    assert (unknown.status_code, problem(unknown)["code"]) == (404, "not_found")
    wrong = api.post("/api/v1/events/batch", {}, method="PUT")
    assert (wrong.status_code, problem(wrong)["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "POST"


def test_a_dry_run_says_what_would_happen_and_publishes_nothing(api: Api, log: Log) -> None:
    contact = api.contact("one")
    before = len(log.records())
    single = api.post(f"/api/v1/contacts/{contact}/events?dry_run=true", EVENT | {"name": "Plan Upgraded"})
    assert single.status_code == 200
    body = json.loads(single.data)
    assert (body["dry_run"], body["position"]) == (True, None)
    assert body["warnings"][0]["suggestion"] == "plan_upgraded"
    batch = api.post(
        "/api/v1/events/batch?dry_run=true",
        {"events": [EVENT | {"contact_id": contact}, EVENT | {"contact_id": 9_999}]},
    )
    assert batch.status_code == 200
    assert [item["status"] for item in json.loads(batch.data)["items"]] == ["accepted", "rejected"]
    known = api.post("/api/v1/contacts?dry_run=true", {"external_id": "one"})
    assert (json.loads(known.data)["id"], json.loads(known.data)["created"]) == (contact, False)
    new = api.post("/api/v1/contacts?dry_run=true", {"external_id": "two"})
    assert (new.status_code, json.loads(new.data)["id"], json.loads(new.data)["created"]) == (200, None, True)
    assert api.post(f"/api/v1/contacts/{contact}?dry_run=true", {"name": "A"}, method="PATCH").status_code == 200
    assert len(log.records()) == before


def test_reads_are_for_the_query_service(api: Api) -> None:
    answer = api.post("/api/v1/contacts/1", b"", method="GET")
    assert (answer.status_code, problem(answer)["code"]) == (421, "read_elsewhere")
    wrong = api.post("/api/v1/contacts/1", b"", method="PUT")
    assert wrong.status_code == 405
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE"}
    assert api.post("/api/v1/contacts/batch", {}, method="PATCH").status_code == 405


@pytest.mark.parametrize("path", ["/api/v1/events/batch", "/api/v1/contacts/batch"])
def test_a_batch_takes_no_id_for_all_of_it(api: Api, path: str) -> None:
    answer = api.post(path, {}, Idempotency_Key="x-1")
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["code"] == "id_for_many"


@pytest.mark.parametrize("query", ["dryrun=true", "dry_run=yes", "dry_run", "x=1", "dry_run=true&dry_run=false"])
def test_a_misspelt_parameter_is_refused(api: Api, query: str) -> None:
    answer = api.post(f"/api/v1/contacts/1/events?{query}", EVENT)
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["code"] in {"unknown_parameter", "invalid_parameter"}


def test_the_request_id_comes_back(api: Api) -> None:
    answer = api.post("/api/v1/contacts/1/events", EVENT, X_Request_Id="mine-1")
    assert answer.headers["X-Request-Id"] == "mine-1"
    made = api.post("/api/v1/contacts/1/events", EVENT, X_Request_Id="not one\u00e9")
    assert made.headers["X-Request-Id"] not in {"", "not one\u00e9"}


def test_a_workspace_can_make_the_naming_convention_a_rule(api: Api, database_url: str, workspace: int) -> None:
    set_workspace(database_url, workspace, {"strict_names": True})
    contact = api.contact()
    answer = api.post(f"/api/v1/contacts/{contact}/events", EVENT | {"name": "Plan Upgraded"})
    assert answer.status_code == 422
    assert problem(answer)["errors"][0]["code"] == "unconventional_name"
    assert "plan_upgraded" in problem(answer)["errors"][0]["message"]
    events = [EVENT | {"contact_id": contact, "name": "Plan Upgraded"}, EVENT | {"contact_id": contact}]
    batch = api.post("/api/v1/events/batch", {"events": events})
    assert [item["status"] for item in json.loads(batch.data)["items"]] == ["rejected", "accepted"]


def test_a_rate_limit_is_a_429_that_says_when_to_come_back(api: Api, database_url: str, workspace: int) -> None:
    set_workspace(database_url, workspace, {"events_per_second": 2})
    contact = api.contact()
    answers = [api.post(f"/api/v1/contacts/{contact}/events", EVENT) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} <= {202, 429}
    assert problem(refused[0])["code"] == "rate_limited"
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert refused[0].headers["RateLimit-Limit"] == "2"
    assert refused[0].headers["RateLimit-Remaining"] == "0"


def test_a_key_remembers_when_it_was_used(environment: dict[str, str], database_url: str, api_key: str) -> None:
    from ingest.database import Database  # noqa: PLC0415 - the one test that takes a part by itself
    from ingest.key_use import KeyUse  # noqa: PLC0415
    from runtime.authentication import utc_now  # noqa: PLC0415

    database = Database(environment["DATABASE_URL"], 2)
    database.open()
    try:
        use = KeyUse(database)
        key_id = api_key.split("_")[1]
        use.note(key_id, utc_now())
        use.write()
        use.write()
    finally:
        database.close()
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT last_used_at FROM write_side.api_keys WHERE key_id = %s", [key_id]).fetchone()
    assert row is not None
    assert row[0] is not None


def test_the_command_line_sets_what_a_workspace_wants(
    environment: dict[str, str], database_url: str, workspace: int
) -> None:
    command = [sys.executable, "-m", "cli", "workspaces", "set", str(workspace)]
    for options in (["--strict-names", "--events-per-second", "50"], ["--time-zone", "Europe/Berlin"]):
        subprocess.run([*command, *options], cwd=ROOT, env=os.environ | environment, check=True, capture_output=True)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT settings, time_zone FROM write_side.workspaces").fetchone()
    assert row == ({"strict_names": True, "events_per_second": 50.0}, "Europe/Berlin")
    subprocess.run(
        [*command, "--any-names", "--events-per-second", "0"],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        capture_output=True,
    )
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT settings FROM write_side.workspaces").fetchone()
    assert row == ({"strict_names": False, "events_per_second": None},)
