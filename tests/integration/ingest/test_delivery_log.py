"""The delivery log: what was refused stands in it, whatever happens to PostgreSQL meanwhile, and nothing else does."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from werkzeug.test import Client

from ingest.database import Database, DatabaseAwayError
from ingest.delivery_log import DeliveryLog, Rejection
from ingest.delivery_writer import DeliveryWriter
from ingest.main import build
from schemas.delivery_log import KEPT_FOR
from tests.conftest import create_api_key
from tests.integration.ingest.conftest import Api
from tests.integration.ingest.test_killed_worker import wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.ingest.proxy import Proxy

EVENT = {"id": "e-1", "name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z"}
NOW = datetime(2026, 6, 7, 12, 0, 30, tzinfo=UTC)


def rejected(database_url: str, how_many: int) -> list[dict[str, Any]]:
    """Read the log once it has so many rows; in the order in which they were refused."""

    def rows() -> list[dict[str, Any]]:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM write_side.rejections ORDER BY rejected_at, id").fetchall()

    wait(lambda: len(rows()) >= how_many)
    return rows()


def counted(database_url: str) -> dict[tuple[str, str], int]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT code, name, sum(count) FROM write_side.rejection_counts GROUP BY 1, 2")
        return {(code, name): int(count) for code, name, count in rows}


def test_requests_that_are_refused_stand_in_the_log(api: Api, database_url: str, workspace: int) -> None:
    path = f"/api/v1/contacts/{api.contact()}/events"
    bad = EVENT | {"occurred_at": "2026-06-07T10:30:00", "nme": 1, "properties": {"secret": "s3cr3t"}}
    assert api.post(path, bad, X_Request_Id="r-422").status_code == 422
    assert api.post("/api/v1/contacts/999/events", EVENT, X_Request_Id="r-404").status_code == 404
    assert api.post(path, b"{nonsense", X_Request_Id="r-400").status_code == 400
    assert api.post(path, EVENT, Content_Type="text/plain", X_Request_Id="r-415").status_code == 415
    assert api.post(path, b" " * 2_000_000, X_Request_Id="r-413").status_code == 413
    assert api.post(path, EVENT | {"name": "n" * 999}, X_Request_Id="r-name").status_code == 422
    reader = create_api_key(database_url, workspace, ["events:read"])
    assert api.post(path, EVENT, Authorization=f"Bearer {reader}", X_Request_Id="r-403").status_code == 403
    # None of these is a rejection of this workspace:
    assert api.post(path, EVENT).status_code == 202
    assert api.post(path, bad, Authorization="Bearer nonsense").status_code == 401
    assert api.post(f"{path}?dry_run=true", bad).status_code == 422

    rows = {row["request_id"]: row for row in rejected(database_url, 7)}

    assert set(rows) == {"r-422", "r-404", "r-400", "r-415", "r-413", "r-name", "r-403"}
    first = rows["r-422"]
    assert (first["status"], first["code"], first["pointer"]) in {
        (422, "unknown_field", "/nme"),
        (422, "no_offset", "/occurred_at"),
    }
    assert (first["faults"], first["name"], first["name_altered"], first["item"]) == (2, "plan_upgraded", False, None)
    assert first["endpoint"] == "POST /api/v1/contacts/{contact_id}/events"
    assert first["workspace_id"] == workspace
    assert first["key_id"] in api.api_key
    codes = {request_id: (row["status"], row["code"], row["name"]) for request_id, row in rows.items()}
    assert codes["r-404"] == (404, "contact_not_found", "plan_upgraded")
    assert codes["r-400"][::2] == (400, None)
    assert codes["r-415"] == (415, "unsupported_media_type", None)
    assert codes["r-413"] == (413, "body_too_large", None)
    assert codes["r-403"] == (403, "missing_scope", None)
    assert (rows["r-name"]["name"], rows["r-name"]["name_altered"]) == ("n" * 128, True)
    assert rows["r-403"]["key_id"] in reader
    assert "s3cr3t" not in repr(rows)
    assert sum(counted(database_url).values()) == 7


def test_items_of_a_batch_stand_in_the_log_with_their_places(api: Api, database_url: str) -> None:
    contact = api.contact()
    events = [
        EVENT | {"contact_id": contact, "id": "good"},
        EVENT | {"contact_id": contact, "name": "order_paid", "occurred_at": "yesterday"},
        EVENT | {"contact_id": 999},
        "no object",
    ]
    assert api.post("/api/v1/events/batch", {"events": events}).status_code == 207
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    assert api.post("/api/v1/events/batch", lines, Content_Type="application/x-ndjson").status_code == 207
    contacts = {"contacts": [{"external_id": "two"}, {"external_id": ""}]}
    assert api.post("/api/v1/contacts/batch", contacts).status_code == 207

    rows = rejected(database_url, 7)

    told = [(row["item"], row["status"], row["code"], row["pointer"], row["name"]) for row in rows]
    of_events = [
        (1, 422, "invalid_time", "/occurred_at", "order_paid"),
        (2, 404, "contact_not_found", "/contact_id", "plan_upgraded"),
        (3, 422, "not_an_object", "", None),
    ]
    assert told == [*of_events, *of_events, (1, 422, "blank", "/external_id", None)]
    assert counted(database_url)["contact_not_found", "plan_upgraded"] == 2


def test_what_the_rate_limit_refuses_is_in_the_log(
    environment: Mapping[str, str], database_url: str, api_key: str, workspace: int
) -> None:
    with psycopg.connect(database_url) as connection:
        settings = json.dumps({"events_per_second": 1})
        connection.execute("UPDATE write_side.workspaces SET settings = %s WHERE id = %s", [settings, workspace])
    service = build(environment)
    try:
        api = Api(Client(service.app), api_key)
        statuses = [api.post("/api/v1/contacts/1/events", EVENT).status_code]
        while statuses[-1] != 429:  # a machine that takes a second for each is within the limit for that long
            assert len(statuses) < 1_000
            statuses.append(api.post("/api/v1/contacts/1/events", EVENT).status_code)
    finally:
        service.close()  # writes what it has noted

    assert counted(database_url)["rate_limited", "plan_upgraded"] == statuses.count(429)
    assert {row["code"] for row in rejected(database_url, len(statuses))} == {"rate_limited", "contact_not_found"}


@pytest.fixture
def database(proxied_url: str) -> Iterator[Database]:
    database = Database(proxied_url, 2)
    database.open()
    yield database
    database.close()


def rejection(workspace: int, at: datetime = NOW, name: str = "plan_upgraded") -> Rejection:
    return Rejection(workspace, at, 422, "no_offset", "/occurred_at", 1, name, False, None, "POST /x", "k", "r")


def wrote(writer: DeliveryWriter) -> bool:
    try:
        writer.write()
    except DatabaseAwayError:
        return False
    return True


def test_an_outage_of_postgres_loses_no_count(
    database: Database, database_url: str, proxy: Proxy, workspace: int
) -> None:
    log = DeliveryLog()
    writer = DeliveryWriter(database, log, writer=uuid4(), now=lambda: NOW)
    log.note([rejection(workspace)])
    wait(lambda: wrote(writer))
    proxy.refuse()
    for _ in range(3):
        log.note([rejection(workspace)] * 1_500)
        assert not wrote(writer)
    proxy.restore()
    wait(lambda: wrote(writer))
    wait(lambda: wrote(writer))

    assert counted(database_url) == {("no_offset", "plan_upgraded"): 4_501}
    assert len(rejected(database_url, 1)) == 1 + 1_000 + 1_000, "details have their bound, and the counts tell the rest"


def test_a_write_whose_commit_was_in_doubt_counts_once(
    database: Database, database_url: str, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DeliveryLog()
    writer = DeliveryWriter(database, log, writer=uuid4(), now=lambda: NOW)
    lend = database.connection

    @contextmanager
    def answer_lost() -> Iterator[psycopg.Connection[Any]]:
        with lend() as connection:
            yield connection
        raise DatabaseAwayError("after the commit")

    log.note([rejection(workspace)])
    with monkeypatch.context() as lossy:
        lossy.setattr(database, "connection", answer_lost)
        assert not wrote(writer)
    log.note([rejection(workspace)])
    wait(lambda: wrote(writer))
    wait(lambda: wrote(writer))

    assert counted(database_url) == {("no_offset", "plan_upgraded"): 2}
    assert len(rejected(database_url, 2)) == 2


def test_the_log_stays_within_its_bounds_and_the_counts_stay_exact(
    database: Database, database_url: str, workspace: int
) -> None:
    log = DeliveryLog()
    writer = DeliveryWriter(database, log, writer=uuid4(), now=lambda: NOW, most_rows=20)
    old = [NOW - timedelta(days=2, minutes=minutes) for minutes in range(50)]
    log.note(rejection(workspace, at) for at in [*old, *([NOW] * 30), NOW - KEPT_FOR - timedelta(hours=1)])
    wait(lambda: wrote(writer))

    writer.tidy()

    assert [row["rejected_at"] for row in rejected(database_url, 20)] == [NOW] * 20
    assert counted(database_url) == {("no_offset", "plan_upgraded"): 80}
    with psycopg.connect(database_url) as connection:
        minutes = connection.execute("SELECT minute, count FROM write_side.rejection_counts ORDER BY 1").fetchall()
    assert len(minutes) == 3, "two days ago it is counted by the hour"
    writer.tidy()
    assert counted(database_url) == {("no_offset", "plan_upgraded"): 80}
