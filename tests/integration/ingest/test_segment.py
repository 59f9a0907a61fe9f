"""The Segment door: what each message becomes, how each is answered, and that nothing good is lost or doubled."""

from __future__ import annotations

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import create_api_key, create_workspace
from tests.integration.ingest.test_delivery_log import rejected

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.integration.ingest.conftest import Api, Log

TIME = "2026-06-07T10:30:00.000Z"
TRACK = {"type": "track", "event": "plan_upgraded", "userId": "shop-1", "timestamp": TIME}
IDENTIFY = {"type": "identify", "userId": "shop-1", "timestamp": TIME}


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def batch(api: Api, *messages: object, body: bytes = b"", **headers: str) -> TestResponse:
    sent = body or json.dumps({"batch": messages, "sentAt": TIME}).encode()
    return api.post("/v1/batch", sent, **basic(api.api_key) | headers)


def values(log: Log) -> list[dict[str, Any]]:
    return [json.loads(record["value"]) for record in log.records()]


def of_type(log: Log, type_: str) -> list[dict[str, Any]]:
    return [value for value in values(log) if value["type"] == type_]


def test_a_track_makes_the_contact_and_records_the_event(api: Api, log: Log) -> None:
    answer = batch(api, TRACK | {"messageId": "m-1", "properties": {"mrr": 50}, "context": {"ip": "10.0.0.1"}})
    assert answer.status_code == 200, answer.text
    body = json.loads(answer.data)
    assert body["success"] is True
    assert [body[each] for each in ("accepted", "ignored", "rejected", "unknown")] == [1, 0, 0, 0]
    assert (body["items"][0]["status"], body["items"][0]["id"], body["items"][0]["warnings"]) == ("accepted", "m-1", [])
    (created,) = of_type(log, "contact.created.v1")
    (recorded,) = of_type(log, "contact.event.recorded.v1")
    assert created["data"]["external_id"] == "shop-1"
    assert created["subject"] == recorded["subject"]
    assert (recorded["id"], recorded["time"]) == ("m-1", "2026-06-07T10:30:00Z")
    assert recorded["data"] == {"name": "plan_upgraded", "properties": {"mrr": 50}}


def test_an_identify_writes_the_profile_and_merges_the_rest(api: Api, log: Log) -> None:
    traits = b'{"email":"ada@example.com","name":"Ada","plan":"pro","mrr":1.50,"gr\\u00f6\xc3\x9fe":null}'
    sent = b'{"batch":[{"type":"identify","userId":"shop-1","messageId":"m-1","traits":' + traits + b"}]}"
    assert batch(api, body=sent).status_code == 200
    assert batch(api, IDENTIFY | {"messageId": "m-2", "traits": {"name": None, "plan": "free"}}).status_code == 200
    created, updated = values(log)
    assert (created["type"], created["id"]) == ("contact.created.v1", "m-1")
    assert created["data"] | {"custom_data": None} == {
        "external_id": "shop-1",
        "email": "ada@example.com",
        "name": "Ada",
        "custom_data": None,
    }
    assert b'"custom_data":{"plan":"pro","mrr":1.50,"gr\xc3\xb6\xc3\x9fe":null}' in log.records()[0]["value"]
    assert (updated["type"], updated["id"]) == ("contact.updated.v1", "m-2")
    assert updated["data"] == {"profile": {"name": None}, "custom_data": {"plan": "free"}}


def test_names_are_kept_as_sent_with_a_warning(api: Api, log: Log) -> None:
    item = json.loads(batch(api, TRACK | {"event": "Order Completed"}).data)["items"][0]
    assert item["status"] == "accepted"
    assert item["warnings"][0]["suggestion"] == "order_completed"
    assert of_type(log, "contact.event.recorded.v1")[0]["data"]["name"] == "Order Completed"


def test_properties_stay_as_written(api: Api, log: Log) -> None:
    sent = b'{"batch":[{"type":"track","event":"x","userId":7,"timestamp":"2026-06-07T12:30:00+02:00",'
    sent += b'"properties":{"a":1.50,"b":1e-7}, "context":{"screen":NaN}}]}'
    answer = batch(api, body=gzip.compress(sent), Content_Encoding="gzip")
    assert answer.status_code == 200, answer.text
    assert b'"properties":{"a":1.50,"b":1e-7}' in log.records()[-1]["value"]
    assert of_type(log, "contact.created.v1")[0]["data"]["external_id"] == "7"


def test_bad_messages_do_not_spoil_the_good_ones(api: Api, log: Log) -> None:
    messages = (
        b'{"type":"track","event":"x","userId":"a","timestamp":"2026-06-07T10:30:00Z","properties":{"n":NaN}}',
        b'{"type":"track","event":"","userId":"a","timestamp":"2026-06-07T10:30:00","properties":[]}',
        b'{"type":"track","event":"x","anonymousId":"visitor-1","timestamp":"2026-06-07T10:30:00Z"}',
        b'{"type":"identify","userId":"a","traits":{"email":"nowhere","plan":"pro"}}',
        b'{"type":"identify","userId":"a","traits":{"plan":"pro","plan":"free"}}',
        b'{"type":"identify","userId":"a","traits":["plan"]}',
        b'{"type":"track","userId":"a","userId":"b","event":"x"}',
        b'{"type":"video","userId":"a"}',
        b"[]",
        b'{"type":"track","event":"x","userId":"a","properties":' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"}",
        b'{"type":"track","event":"\\ud800","userId":"a","messageId":7}',
        b'{"type":"track","event":"good","userId":"a","timestamp":"2026-06-07T10:30:00Z"}',
    )
    answer = batch(api, body=b'{"batch":[' + b",".join(messages) + b"]}")
    assert answer.status_code == 200, answer.text
    body = json.loads(answer.data)
    assert (body["success"], body["accepted"], body["rejected"]) == (False, 1, 11)
    faults = [{(f["pointer"], f["code"]) for f in item.get("errors", [])} for item in body["items"]]
    assert faults == [
        {("/properties/n", "not_a_json_number")},
        {("/event", "blank"), ("/timestamp", "no_offset"), ("/properties", "wrong_type")},
        {("/userId", "no_user")},
        {("/traits/email", "invalid_email")},
        {("/traits/plan", "duplicate_key")},
        {("/traits", "wrong_type")},
        {("/userId", "duplicate_key")},
        {("/type", "unknown_type")},
        {("", "not_an_object")},
        {("", "nested_too_deep")},
        {("/event", "lone_surrogate"), ("/messageId", "wrong_type")},
        set(),
    ]
    assert body["items"][1]["errors"][0]["message"].startswith(("event ", "timestamp ", "properties "))
    assert [value["data"]["name"] for value in of_type(log, "contact.event.recorded.v1")] == ["good"]


def test_what_is_rejected_stands_in_the_delivery_log(api: Api, database_url: str) -> None:
    nobody = {"type": "track", "event": "seen", "anonymousId": "a", "timestamp": TIME}
    assert batch(api, TRACK, nobody, X_Request_Id="some").status_code == 200
    assert batch(api, nobody, nobody, X_Request_Id="all").status_code == 422
    assert api.post("/v1/track", {"userId": "shop-1", "event": "seen"} | {"timestamp": "noon"}).status_code == 422
    assert batch(api, body=b"{", X_Request_Id="whole").status_code == 400
    rows = rejected(database_url, 5)
    endpoints = ["POST /v1/batch"] * 3 + ["POST /v1/{kind}", "POST /v1/batch"]
    found = [(row["code"], row["pointer"], row["name"], row["item"]) for row in rows]
    assert found == [
        ("no_user", "/userId", "seen", 1),
        ("no_user", "/userId", "seen", 0),
        ("no_user", "/userId", "seen", 1),
        ("invalid_time", "/timestamp", "seen", 0),
        ("invalid_json", "", None, None),
    ]
    assert [row["endpoint"] for row in rows] == endpoints


def test_what_is_not_kept_is_told(api: Api, log: Log) -> None:
    ignored = [{"type": kind, "userId": "shop-1"} for kind in ("page", "screen", "group", "alias")]
    answer = batch(api, *ignored, TRACK | {"colour": "red", "messageId": "m/1"})
    body = json.loads(answer.data)
    assert (answer.status_code, body["success"], body["ignored"], body["accepted"]) == (200, True, 4, 1)
    assert {(item["status"], item["code"]) for item in body["items"][:4]} == {("ignored", "type_not_kept")}
    assert [warning["code"] for warning in body["items"][4]["warnings"]] == ["not_kept", "id_made"]
    assert len(values(log)) == 2
    only_ignored = api.post("/v1/page", {"userId": "shop-1"}, **basic(api.api_key))
    assert (only_ignored.status_code, json.loads(only_ignored.data)["success"]) == (200, True)


def test_a_message_id_of_any_form_gives_one_event_id(api: Api, log: Log) -> None:
    for given in ("m/1", "m/1", "m/2", "x" * 200):
        assert batch(api, TRACK | {"messageId": given}).status_code == 200
    ids = [value["id"] for value in of_type(log, "contact.event.recorded.v1")]
    assert ids[0] == ids[1] == "sha256:0b203ec73c7ce729a75f7f51a8caf41e90133f7d0cff3384d1ab73f4b35c3f67"
    assert len(set(ids)) == 3


def test_single_messages_have_the_type_of_their_path(api: Api, log: Log) -> None:
    headers = basic(api.api_key)
    track = {"event": "x", "userId": "shop-1", "timestamp": TIME}
    assert api.post("/v1/identify", {"userId": "shop-1", "traits": {"plan": "pro"}}, **headers).status_code == 200
    assert api.post("/v1/track", track, **headers).status_code == 200
    assert [value["type"] for value in values(log)] == ["contact.created.v1", "contact.event.recorded.v1"]
    refused = api.post("/v1/track", track | {"event": ""}, **headers)
    document = json.loads(refused.data)
    assert (refused.status_code, document["code"], document["success"]) == (422, "invalid_request", False)
    assert document["message"] == document["detail"]
    assert [fault["pointer"] for fault in document["errors"]] == ["/event"]
    assert json.loads(api.post("/v1/nothing", {}, **headers).data)["code"] == "not_found"
    assert api.post("/v1/track", {}, method="GET", **headers).status_code == 405


def test_the_time_of_a_message(api: Api, log: Log) -> None:
    at = {name: f"2026-06-0{day}T00:00:00Z" for day, name in enumerate(("timestamp", "originalTimestamp", "sentAt"), 1)}
    message = {"type": "track", "event": "x", "userId": "shop-1"}
    for left_out in range(3):
        given = dict(list(at.items())[left_out:])
        assert batch(api, message | given).status_code == 200
    assert batch(api, message).status_code == 200  # the batch's own sentAt
    assert api.post("/v1/track", message, **basic(api.api_key)).status_code == 200  # nothing: when it came
    events = of_type(log, "contact.event.recorded.v1")
    times = [each["time"] for each in events]
    assert times[:4] == [*at.values(), "2026-06-07T10:30:00Z"]
    assert times[4] == events[4]["receivedat"]


@pytest.mark.parametrize("where", ["basic", "body", "bearer"])
def test_the_key_may_stand_where_the_libraries_put_it(api: Api, where: str) -> None:
    headers = {"basic": basic(api.api_key), "body": {"Authorization": ""}, "bearer": {}}[where]
    body = {"batch": [TRACK]} | ({"writeKey": api.api_key} if where == "body" else {})
    assert api.post("/v1/batch", body, **headers).status_code == 200
    nobody = {"Authorization": ""} if where == "body" else basic("") | {}
    refused = api.post("/v1/batch", {"batch": [TRACK]}, **nobody)
    assert (refused.status_code, json.loads(refused.data)["code"]) == (401, "missing_api_key")


def test_a_key_must_be_able_to_write_both(api: Api, database_url: str, workspace: int) -> None:
    key = create_api_key(database_url, workspace, ["events:write"])
    refused = api.post("/v1/batch", {"batch": [TRACK]}, **basic(key))
    assert (refused.status_code, json.loads(refused.data)["required_scope"]) == (403, "contacts:write")
    for wrong in (basic("wrong"), {"Authorization": "Basic ???"}):
        assert json.loads(api.post("/v1/batch", {"batch": [TRACK]}, **wrong).data)["code"] == "malformed_api_key"


def test_contacts_are_of_the_keys_workspace(api: Api, log: Log, database_url: str) -> None:
    other = create_api_key(database_url, create_workspace(database_url, "Other"), ["events:write", "contacts:write"])
    assert batch(api, TRACK).status_code == 200
    assert api.post("/v1/batch", {"batch": [TRACK]}, **basic(other)).status_code == 200
    assert len({value["source"] for value in of_type(log, "contact.created.v1")}) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"no json", 400, "invalid_json"),
        (b'{"batch":[{}]} x', 400, "invalid_json"),
        (b'{"batch":[{} {}]}', 400, "invalid_json"),
        (b"\xff", 400, "not_utf8"),
        (b'{"batch":' + b"[" * 500 + b"]" * 500 + b"}", 400, "nested_too_deep"),
        (b'{"batch":[],"batch":[]}', 422, "invalid_request"),
        (b'{"batch":{}}', 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"batch":[]}', 422, "empty_batch"),
        (b'{"batch":[' + b",".join([b"1"] * 1001) + b"]}", 422, "too_many_items"),
    ],
)
def test_what_is_no_batch_is_refused_whole(api: Api, body: bytes, status: int, code: str) -> None:
    answer = batch(api, body=body)
    document = json.loads(answer.data)
    assert (answer.status_code, document["code"], document["success"]) == (status, code, False)


def test_a_batch_of_unknown_users_makes_each_contact_once(api: Api, log: Log) -> None:
    users = [f"user-{number}" for number in range(150)]
    messages: list[object] = [
        TRACK | {"userId": user, "messageId": f"{user}-{turn}"} for turn in (1, 2) for user in users
    ]
    messages.insert(3, IDENTIFY | {"userId": "user-149", "messageId": "i", "traits": {"plan": "pro"}})
    with ThreadPoolExecutor(4) as threads:  # four libraries at once, all with the same news
        answers = list(threads.map(lambda _: batch(api, *messages), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    created = of_type(log, "contact.created.v1")
    assert len({value["data"]["external_id"] for value in created}) == 150
    assert len({value["subject"] for value in created}) == 150
    assert len({value["id"] for value in of_type(log, "contact.event.recorded.v1")}) == 300
    plans = [value for value in values(log) if value["id"] == "i"]
    assert {json.dumps(value["data"]["custom_data"]) for value in plans} == {'{"plan": "pro"}'}


def test_a_rule_of_the_workspace_holds_here_too(api: Api, database_url: str, workspace: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE write_side.workspaces SET settings = '{\"strict_names\": true}' WHERE id = %s", [workspace]
        )
    refused = batch(api, TRACK | {"event": "Order Completed"})
    assert refused.status_code == 422
    assert json.loads(refused.data)["errors"][0] | {"message": "", "limit": ""} == {
        "pointer": "/event",
        "code": "unconventional_name",
        "message": "",
        "limit": "",
    }


def test_events_for_a_contact_being_erased_are_rejected(api: Api) -> None:
    contact = api.contact("shop-1")
    assert api.post(f"/api/v1/contacts/{contact}", b"", method="DELETE").status_code == 202
    answer = batch(api, TRACK, IDENTIFY, TRACK | {"userId": "shop-2"})
    items = json.loads(answer.data)["items"]
    assert answer.status_code == 200
    assert [item["status"] for item in items] == ["rejected", "rejected", "accepted"]
    assert {(item["code"], item["pointer"]) for item in items[:2]} == {("contact_being_erased", "/userId")}
