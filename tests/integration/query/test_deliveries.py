"""The delivery log, read: by page, by filter, by workspace, with counts that stay exact where details are gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from runtime.authentication import utc_now
from schemas.times import format_time
from tests.conftest import create_api_key, create_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

OFFSETS = count(1_000_000)


class Refused:
    """Writes the delivery log of a workspace as ingest does."""

    def __init__(self, database_url: str, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self._url = database_url

    def add(
        self, at: datetime, code: str = "no_offset", name: str | None = "plan_upgraded", *, kept: bool = True
    ) -> None:
        values = {"workspace": self.workspace_id, "at": at, "code": code, "name": name}
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "INSERT INTO write_side.rejection_counts VALUES (%(workspace)s, date_trunc('minute', %(at)s), %(code)s,"
                " CASE WHEN %(name)s::text IS NULL THEN 'none' ELSE 'one' END, coalesce(%(name)s, ''), 1)"
                " ON CONFLICT (workspace_id, minute, code, names, name)"
                " DO UPDATE SET count = rejection_counts.count + 1",
                values,
            )
            if kept:
                connection.execute(
                    "INSERT INTO write_side.rejections (workspace_id, rejected_at, status, code, pointer, faults, name,"
                    " name_altered, item, endpoint, key_id, request_id) VALUES (%(workspace)s, %(at)s, 422, %(code)s,"
                    " '/occurred_at', 1, %(name)s, false, 3, 'POST /api/v1/events/batch', 'k-1', 'r-1')",
                    values,
                )

    def copy(self, kind: str, contact_id: int, event_id: str, at: datetime) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(
                "INSERT INTO projection.record_copies VALUES (0, %s, %s, %s, 'contact.event.recorded.v1', %s, %s, NULL,"
                " %s, %s)",
                [next(OFFSETS), self.workspace_id, contact_id, event_id, kind, at, uuid4()],
            )


@pytest.fixture
def refused(database_url: str) -> Refused:
    """Make a workspace with a log of its own."""
    return Refused(database_url, create_workspace(database_url, "Refused"))


@pytest.fixture
def read(app: Flask, database_url: str, refused: Refused) -> Callable[..., dict[str, Any]]:
    """Read the log with a key that may only write events: an app may see what became of its own."""
    key = create_api_key(database_url, refused.workspace_id, ["events:write"])

    def get(**query: Any) -> dict[str, Any]:  # noqa: ANN401 - parameters
        answer = app.test_client().get(
            "/api/v1/deliveries", query_string=query, headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.get_json()
        return document

    return get


def test_what_was_refused_is_read_newest_first_with_its_counts(
    read: Callable[..., dict[str, Any]], refused: Refused
) -> None:
    now = utc_now()
    refused.add(now - timedelta(minutes=9), "invalid_json", None)
    refused.add(now - timedelta(minutes=5))
    refused.add(now - timedelta(minutes=5), kept=False)
    refused.add(now - timedelta(minutes=1), "blank", "order_paid")
    refused.add(now - timedelta(days=2), "blank", "too_old")

    document = read()

    assert [line["code"] for line in document["data"]] == ["blank", "no_offset", "invalid_json"]
    assert document["data"][1] == {
        "rejected_at": format_time(now - timedelta(minutes=5)),
        "status": 422,
        "code": "no_offset",
        "pointer": "/occurred_at",
        "faults": 1,
        "name": "plan_upgraded",
        "name_altered": False,
        "item": 3,
        "endpoint": "POST /api/v1/events/batch",
        "key_id": "k-1",
        "request_id": "r-1",
    }
    counts = document["counts"]
    assert (counts["total"], counts["not_kept"], counts["unnamed"], counts["other_names"]) == (4, 1, 1, 0)
    assert counts["by_code"] == [
        {"code": "no_offset", "count": 2},
        {"code": "blank", "count": 1},
        {"code": "invalid_json", "count": 1},
    ]
    assert counts["by_name"] == [{"name": "plan_upgraded", "count": 2}, {"name": "order_paid", "count": 1}]


def test_filters(read: Callable[..., dict[str, Any]], refused: Refused) -> None:
    now = utc_now()
    refused.add(now - timedelta(minutes=9), "invalid_json", None)
    refused.add(now - timedelta(minutes=5))
    refused.add(now - timedelta(minutes=1), "blank", "order_paid")

    assert [line["code"] for line in read(code="blank")["data"]] == ["blank"]
    assert read(code=["blank", "invalid_json"])["counts"]["total"] == 2
    by_name = read(name="plan_upgraded")
    assert ([line["name"] for line in by_name["data"]], by_name["counts"]["total"]) == (["plan_upgraded"], 1)
    early = {"from": format_time(now - timedelta(hours=1)), "before": format_time(now - timedelta(minutes=3))}
    assert [line["code"] for line in read(**early)["data"]] == ["no_offset", "invalid_json"]
    assert read(**early)["counts"]["total"] == 2
    assert read(**early)["counts"]["before"].endswith(":00Z"), "whole minutes"
    week = read(**{"from": format_time(now - timedelta(days=7))})
    assert week["counts"]["from"].endswith(":00:00Z"), "whole hours"
    assert week["counts"]["total"] == 3


def test_pages_go_on_where_they_ended(read: Callable[..., dict[str, Any]], refused: Refused) -> None:
    now = utc_now()
    for number in range(5):
        refused.add(now - timedelta(minutes=number), f"code_{number}")
    refused.add(now - timedelta(minutes=1), "code_twin")

    def codes(document: dict[str, Any]) -> list[str]:
        return [line["code"] for line in document["data"]]

    first = read(limit=2)
    second = read(limit=2, cursor=first["next_cursor"])
    third = read(limit=2, cursor=second["next_cursor"])
    assert codes(first) + codes(second) + codes(third) == [
        "code_0",
        "code_twin",
        "code_1",
        "code_2",
        "code_3",
        "code_4",
    ]
    assert (first["prev_cursor"], third["next_cursor"]) == (None, None)
    assert codes(read(limit=2, cursor=third["prev_cursor"])) == codes(second)
    assert codes(read(limit=2, cursor=second["prev_cursor"])) == codes(first)


def test_copies_are_counted_and_named(
    read: Callable[..., dict[str, Any]], refused: Refused, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    contact = rows.contact(workspace_id=refused.workspace_id)
    event = rows.event(contact, "order_paid", workspace_id=refused.workspace_id)
    for minutes in (5, 7, 9):
        refused.copy("duplicate", contact, event, now - timedelta(minutes=minutes))
    refused.copy("conflict", contact, "gone", now - timedelta(minutes=6))
    refused.copy("duplicate", contact, event, now - timedelta(days=2))

    found = read()["copies"]

    assert (found["duplicates"], found["conflicts"], found["counted_back_to"]) == (3, 1, None)
    assert found["newest"][0] == {
        "kind": "duplicate",
        "type": "contact.event.recorded.v1",
        "contact_id": contact,
        "id": event,
        "name": "order_paid",
        "received_at": format_time(now - timedelta(minutes=5)),
    }
    assert (found["newest"][1]["kind"], found["newest"][1]["name"]) == ("conflict", None)
    monkeypatch.setattr("query.deliveries.MOST_COPIES_COUNTED", 2)
    assert read()["copies"]["counted_back_to"] == format_time(now - timedelta(minutes=6))


def test_nobody_reads_another_workspaces_log(
    app: Flask, client: FlaskClient, database_url: str, refused: Refused, read: Callable[..., dict[str, Any]]
) -> None:
    refused.add(utc_now())
    theirs = client.get("/api/v1/deliveries").get_json()
    assert (theirs["data"], theirs["counts"]["total"]) == ([], 0)
    foreign = client.get("/api/v1/deliveries", query_string={"cursor": read(limit=1)["prev_cursor"] or "x"})
    assert foreign.status_code == 422
    contacts_only = create_api_key(database_url, refused.workspace_id, ["contacts:read"])
    answer = app.test_client().get("/api/v1/deliveries", headers={"Authorization": f"Bearer {contacts_only}"})
    assert (answer.status_code, answer.get_json()["required_scope"]) == (403, "events:read")


def test_the_readers_role_sees_only_the_workspace_it_declares(database_url: str, refused: Refused) -> None:
    refused.add(utc_now())
    with psycopg.connect(database_url, options="-c role=contact_events_query") as connection:
        for table in ("rejections", "rejection_counts"):
            statement = psycopg.sql.SQL("SELECT count(*) FROM write_side.{}").format(psycopg.sql.Identifier(table))
            connection.execute("SELECT set_config('contact_events.workspace_id', '', true)")
            assert connection.execute(statement).fetchone() == (0,)
            connection.execute(
                "SELECT set_config('contact_events.workspace_id', %s, true)", [str(refused.workspace_id)]
            )
            assert connection.execute(statement).fetchone() == (1,)
