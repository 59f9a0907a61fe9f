"""Recording one event: the users' wire format, and what stands on the topic afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schemas.partitioning import contact_partition
from schemas.positions import Position
from schemas.records import EventRecorded, decode
from tests.conftest import PARTITIONS, create_api_key, create_workspace
from tests.integration.ingest.conftest import Api

if TYPE_CHECKING:
    from tests.integration.ingest.conftest import Log

BODY = {
    "name": "plan_upgraded",
    "occurred_at": "2026-06-07T10:30:00Z",
    "properties": {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50},
}


def test_the_documented_request_is_acknowledged_and_on_the_topic(api: Api, log: Log, workspace: int) -> None:
    contact_id = api.contact()
    answer = api.post(f"/api/v1/contacts/{contact_id}/events", BODY)
    assert answer.status_code == 202, answer.text
    body = json.loads(answer.data)
    assert body.keys() == {"id", "position", "warnings"}
    position = Position.decode(body["position"])
    (record,) = (each for each in log.records() if b"event.recorded" in each["value"])
    assert (record["partition"], record["offset"]) == (position.partition, position.offset)
    assert record["headers"] == [("content-type", b"application/cloudevents+json")]
    decoded = decode(record["key"], record["value"], record["partition"], PARTITIONS)
    assert isinstance(decoded, EventRecorded)
    assert (decoded.workspace_id, decoded.contact_id, decoded.id) == (workspace, contact_id, body["id"])
    assert decoded.properties == json.dumps(BODY["properties"])


def test_numbers_stay_as_they_were_written(api: Api, log: Log) -> None:
    contact_id = api.contact()
    start = b'{"name":"charge_failed","occurred_at":"2026-06-07T10:30:00+02:00","properties":'
    raw = start + b'{"a":1.50,"b":1e-7,\n"c":-0.0}}'
    assert api.post(f"/api/v1/contacts/{contact_id}/events", raw).status_code == 202
    value = log.records()[-1]["value"]
    assert b'"properties":{"a":1.50,"b":1e-7,"c":-0.0}' in value
    assert b'"time":"2026-06-07T08:30:00Z"' in value


def test_the_callers_id_is_kept_and_may_come_as_a_header(api: Api) -> None:
    path = f"/api/v1/contacts/{api.contact()}/events"
    assert json.loads(api.post(path, BODY | {"id": "evt-1"}).data)["id"] == "evt-1"
    assert json.loads(api.post(path, BODY, Idempotency_Key="evt-2").data)["id"] == "evt-2"
    both = api.post(path, BODY | {"id": "evt-1"}, Idempotency_Key="evt-2")
    assert both.status_code == 422
    assert json.loads(both.data)["errors"][0]["code"] == "two_ids"


def test_unknown_and_foreign_contacts_look_the_same(api: Api, database_url: str) -> None:
    other = create_workspace(database_url, "Other")
    foreign = Api(api.client, create_api_key(database_url, other, ["contacts:write", "events:write"])).contact()
    answers = [
        api.post(f"/api/v1/contacts/{contact}/events", BODY) for contact in (foreign, 999_999, "²", "0", "x" * 99)
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    documents = [json.loads(answer.data) for answer in answers]
    assert len({json.dumps(document | {"request_id": ""}) for document in documents}) == 1
    assert documents[0]["code"] == "contact_not_found"


def test_all_faults_come_at_once(api: Api) -> None:
    body = {"nme": "x", "occurred_at": "2026-06-07T10:30:00", "properties": [], "id": "-"}
    answer = api.post(f"/api/v1/contacts/{api.contact()}/events", body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    faults = {fault["pointer"]: fault["code"] for fault in json.loads(answer.data)["errors"]}
    assert faults == {
        "/nme": "unknown_field",
        "/name": "required",
        "/occurred_at": "no_offset",
        "/properties": "wrong_type",
        "/id": "invalid_id",
    }


def test_a_batch_tells_each_item_its_fate(api: Api, log: Log) -> None:
    first, second = api.contact("one"), api.contact("two")
    events = [
        BODY | {"contact_id": first, "id": "a"},
        BODY | {"external_id": "two", "id": "b", "name": "Plan Upgraded"},
        BODY | {"contact_id": 999_999, "id": "c"},
        BODY | {"contact_id": first, "name": "", "id": "d"},
        BODY | {"external_id": "three"},
    ]
    answer = api.post("/api/v1/events/batch", {"events": events})
    assert answer.status_code == 207
    body = json.loads(answer.data)
    assert [body[status] for status in ("accepted", "rejected", "unknown")] == [2, 3, 0]
    assert [item["status"] for item in body["items"]] == ["accepted"] * 2 + ["rejected"] * 3
    assert [item.get("code") for item in body["items"][2:]] == ["contact_not_found", "blank", "contact_not_found"]
    assert body["items"][1]["warnings"][0]["suggestion"] == "plan_upgraded"
    recorded = [record for record in log.records() if b"event.recorded" in record["value"]]
    assert {json.loads(record["value"])["id"] for record in recorded} == {"a", "b"}
    for record in recorded:
        workspace_id, contact_id, _ = record["key"].decode().split("/")
        assert int(contact_id) in {first, second}
        assert record["partition"] == contact_partition(int(workspace_id), int(contact_id), PARTITIONS)


def test_a_sound_batch_is_accepted_whole(api: Api) -> None:
    contact = api.contact()
    answer = api.post("/api/v1/events/batch", {"events": [BODY | {"contact_id": contact}] * 1000})
    assert answer.status_code == 202
    body = json.loads(answer.data)
    assert body["accepted"] == 1000
    assert len({item["id"] for item in body["items"]}) == 1000
