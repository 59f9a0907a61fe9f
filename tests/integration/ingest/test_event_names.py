"""What is said about event names: who may, under which names, by which rules, and what is then on the topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from schemas.partitioning import workspace_partition
from schemas.positions import Position
from schemas.records import EventNameChanged, decode
from tests.conftest import PARTITIONS, create_api_key, create_workspace
from tests.integration.ingest.conftest import Api

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.integration.ingest.conftest import Log


def patch(api: Api, name: str, body: object, **headers: str) -> TestResponse:
    return api.post(f"/api/v1/event-names/{quote(name, safe='')}", body, method="PATCH", **headers)


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(fault["pointer"], fault["code"]) for fault in json.loads(answer.data)["errors"]]


def shown_as(database_url: str, workspace_id: int, aliases: dict[str, str]) -> None:
    """Put aliases where the projector puts them."""
    with psycopg.connect(database_url) as connection:
        for name, alias in aliases.items():
            connection.execute(
                "INSERT INTO projection.event_name_settings (workspace_id, name, alias, hidden, pinned, updated_at,"
                " log_partition, log_offset) VALUES (%s, %s, %s, false, false, now(), 0, 0)",
                [workspace_id, name, alias],
            )


def test_a_change_is_one_record_of_the_workspace(api: Api, log: Log, workspace: int) -> None:
    change = {"description": "Moved up", "tone": "positive", "archived": None, "template": "{from_plan} → {to_plan}"}
    answer = patch(api, "plan_upgraded", change, Idempotency_Key="c-1")
    assert answer.status_code == 200, answer.text
    document = json.loads(answer.data)
    (record,) = log.records()
    read = decode(record["key"], record["value"], record["partition"], PARTITIONS)
    assert isinstance(read, EventNameChanged)
    assert (read.workspace_id, read.name, read.id, read.change) == (workspace, "plan_upgraded", "c-1", change)
    assert record["partition"] == workspace_partition(workspace, PARTITIONS)
    position = Position.decode(document.pop("position"))
    assert (position.partition, position.offset) == (record["partition"], record["offset"])
    assert document == {"name": "plan_upgraded", "update_id": "c-1", "warnings": []}


def test_a_dry_run_publishes_nothing(api: Api, log: Log) -> None:
    path = "/api/v1/event-names/plan_upgraded?dry_run=true"
    answer = api.post(path, {"hidden": True}, method="PATCH")
    assert answer.status_code == 200
    assert json.loads(answer.data)["dry_run"] is True
    assert log.records() == []


@pytest.mark.parametrize(
    "name",
    ["Plan Upgraded", "shop/installed", "a/b/", "/a", "//", "a//b", "a%2Fb", "?x=1#y", "..", "café→🎉", "-a", "'\"<b>"],
)
def test_a_name_may_be_whatever_events_may_be_named(api: Api, log: Log, name: str) -> None:
    contact = api.contact()
    event = {"name": name, "occurred_at": "2026-06-07T10:30:00Z"}
    assert api.post(f"/api/v1/contacts/{contact}/events", event).status_code == 202
    answer = patch(api, name, {"pinned": True})
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.data)["name"] == name
    values = [json.loads(record["value"]) for record in log.records()]
    assert [value["data"]["name"] for value in values if value["type"] == "event_name.changed.v1"] == [name]


@pytest.mark.parametrize(
    ("path", "code"),
    [("%20", "blank"), ("x" * 129, "too_long"), ("a%0Ab", "control_character"), ("a%00b", "control_character")],
)
def test_a_name_that_no_event_can_have_is_refused(api: Api, log: Log, path: str, code: str) -> None:
    answer = api.post(f"/api/v1/event-names/{path}", {"pinned": True}, method="PATCH")
    assert faults(answer) == [("name", code)]
    assert log.records() == []


def test_a_name_that_is_not_utf8_is_refused(api: Api) -> None:
    answer = api.client.open(
        method="PATCH",
        data=b'{"pinned": true}',
        headers={"Authorization": f"Bearer {api.api_key}", "Content-Type": "application/json"},
        path="/api/v1/event-names/x",
        environ_overrides={"PATH_INFO": "/api/v1/event-names/\xff"},
    )
    assert faults(answer) == [("name", "not_utf8")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("", "nothing_to_change")]),
        ({"update_id": "c-1"}, [("", "nothing_to_change")]),
        ([], [("", "not_an_object")]),
        ({"descripton": "x"}, [("/descripton", "unknown_field")]),
        ({"description": "x" * 1001}, [("/description", "too_long")]),
        ({"description": " "}, [("/description", "blank")]),
        ({"alias": "x" * 129}, [("/alias", "too_long")]),
        ({"alias": "plan_upgraded"}, [("/alias", "alias_to_itself")]),
        ({"alias": 7}, [("/alias", "wrong_type")]),
        ({"hidden": "yes"}, [("/hidden", "wrong_type")]),
        ({"archived": 1}, [("/archived", "wrong_type")]),
        ({"tone": "positiv"}, [("/tone", "not_a_choice")]),
        ({"template": "x" * 501}, [("/template", "too_long")]),
        ({"template": "{from} → {to"}, [("/template", "invalid_template")]),
        ({"template": "from} → {to}"}, [("/template", "invalid_template")]),
        ({"template": "{}"}, [("/template", "invalid_template")]),
        ({"template": "{{a{b}}}"}, []),
        ({"tone": "x", "pinned": []}, [("/pinned", "wrong_type"), ("/tone", "not_a_choice")]),
    ],
)  # fmt: skip
def test_every_fault_is_told(api: Api, log: Log, body: object, expected: list[tuple[str, str]]) -> None:
    answer = patch(api, "plan_upgraded", body)
    if expected:
        assert sorted(faults(answer)) == expected
        assert log.records() == []
    else:
        assert answer.status_code == 200, answer.text


def test_a_near_miss_is_answered_with_what_was_meant(api: Api) -> None:
    for body, meant in (({"descripton": "x"}, "description"), ({"tone": "positiv"}, "positive")):
        (fault,) = json.loads(patch(api, "plan_upgraded", body).data)["errors"]
        assert f"Did you mean {meant}?" in fault["message"]


@pytest.mark.parametrize(
    "case",
    [
        ("plan_up", "plan_upgarded", "alias_chain"),  # which is shown as plan_upgraded
        ("plan_upgraded", "Moved up", "alias_chain"),  # plan_upgarded is shown as it
        ("plan_upgraded", "plan_upgarded", "alias_circle"),
        ("plan_up", "plan_upgraded", None),
        ("plan_upgarded", "Moved up", None),
        ("plan_upgarded", None, None),
        ("plan_upgraded", "foreign_name", None),
    ],
)
def test_an_alias_is_one_step(
    api: Api, database_url: str, workspace: int, case: tuple[str, str | None, str | None]
) -> None:
    name, alias, code = case
    shown_as(database_url, workspace, {"plan_upgarded": "plan_upgraded"} if alias != "foreign_name" else {})
    shown_as(database_url, create_workspace(database_url, "Other"), {"foreign_name": "x", "y": "plan_upgraded"})
    answer = patch(api, name, {"alias": alias})
    if code:
        assert faults(answer) == [("/alias", code)]
    else:
        assert answer.status_code == 200, answer.text


def test_nobody_reads_or_writes_another_workspaces_names(api: Api, log: Log, database_url: str, workspace: int) -> None:
    other = create_workspace(database_url, "Other")
    foreign = Api(api.client, create_api_key(database_url, other, ["admin"]))
    assert patch(foreign, "plan_upgraded", {"hidden": True}).status_code == 200
    (record,) = log.records()
    assert json.loads(record["value"])["source"] == f"/workspaces/{other}" != f"/workspaces/{workspace}"


def test_reads_are_sent_elsewhere_and_other_methods_named(api: Api) -> None:
    assert api.client.get("/api/v1/event-names").status_code == 421
    answer = api.post("/api/v1/event-names/x", {}, method="DELETE")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "PATCH")
    answer = api.post("/api/v1/event-names/", {}, method="PATCH")
    assert answer.status_code == 404
