"""The value domain, closed at the door: every row of it through HTTP, in single, batch, NDJSON and contact writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.ingest.conftest import Api, Log

DEEP = b"[" * 20 + b"]" * 20

VALUES = {
    "NaN": (b'{"a": NaN}', "not_a_json_number", "/a"),
    "Infinity": (b'{"a": [-Infinity]}', "not_a_json_number", "/a/0"),
    "a float that overflows": (b'{"a": 1e999}', "number_out_of_range", "/a"),
    "a float that vanishes": (b'{"a": 1e-99999}', "number_out_of_range", "/a"),
    "a number without end": (b'{"a": 0.' + b"1" * 200 + b"}", "number_too_long", "/a"),
    "an integer beyond int64": (b'{"a": 9223372036854775808}', "integer_out_of_range", "/a"),
    "a null character in a value": (b'{"a": "x\\u0000"}', "null_character", "/a"),
    "a null character in a key": (b'{"x\\u0000": 1}', "null_character", "/x\\u0000"),
    "a lone surrogate in a value": (b'{"a": "\\ud800"}', "lone_surrogate", "/a"),
    "a lone surrogate in a key": (b'{"\\udfff": 1}', "lone_surrogate", "/\\udfff"),
    "a duplicate key": (b'{"a": 1, "\\u0061": 2}', "duplicate_key", "/a"),
    "a duplicate key further in": (b'{"b": [{"a": 1, "a": 1}]}', "duplicate_key", "/b/0/a"),
}
UNREADABLE = {
    "not UTF-8": (b'{"a": "\xff"}', "not_utf8"),
    "a surrogate in UTF-8": (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
    "nesting over 20": (b'{"a": ' + DEEP + b"}", "nested_too_deep"),
    "a raw control character": (b'{"a": "\x01"}', "invalid_json"),
    "a trailing comma": (b'{"a": 1,}', "invalid_json"),
    "a comment": (b'{"a": 1 /* one */}', "invalid_json"),
}


def event(properties: bytes, **contact: object) -> bytes:
    start = json.dumps({"name": "x", "occurred_at": "2026-06-07T10:30:00Z", **contact}).encode()
    return start[:-1] + b', "properties": ' + properties + b"}"


def only_fault(document: dict[str, Any]) -> dict[str, Any]:
    fault: dict[str, Any]
    (fault,) = document["errors"]
    return fault


@pytest.fixture
def api(shared_api: Api) -> Api:
    """Take the one of the session: nothing here depends on what else is there."""
    return shared_api


@pytest.fixture
def log(shared_log: Log) -> Log:
    return shared_log


@pytest.fixture
def contact(api: Api) -> int:
    return api.contact("known")


@pytest.mark.parametrize("row", VALUES.values(), ids=VALUES.keys())
def test_a_value_that_cannot_be_kept_is_named(api: Api, contact: int, log: Log, row: tuple[bytes, str, str]) -> None:
    raw, code, pointer = row
    before = len(log.records())
    single = api.post(f"/api/v1/contacts/{contact}/events", event(raw))
    assert single.status_code == 422, single.text
    fault = only_fault(json.loads(single.data))
    assert (fault["code"], fault["pointer"]) == (code, f"/properties{pointer}")
    body = b'{"external_id": "other", "custom_data": ' + raw + b"}"
    refused = api.post("/api/v1/contacts", body)
    assert only_fault(json.loads(refused.data))["pointer"] == f"/custom_data{pointer}"
    changed = api.post(f"/api/v1/contacts/{contact}", b'{"custom_data": ' + raw + b"}", method="PATCH")
    assert (changed.status_code, only_fault(json.loads(changed.data))["code"]) == (422, code)
    lines = event(raw, contact_id=contact) + b"\n" + event(b"{}", contact_id=contact, id="good")
    answer = api.post("/api/v1/events/batch", lines, Content_Type="application/x-ndjson")
    assert answer.status_code == 207
    bad, good = json.loads(answer.data)["items"]
    assert (bad["status"], bad["code"], bad["pointer"]) == ("rejected", code, f"/properties{pointer}")
    assert good["status"] == "accepted"
    batch = api.post("/api/v1/events/batch", b'{"events": [' + lines.replace(b"\n", b",") + b"]}")
    assert batch.status_code in {207, 400}
    if batch.status_code == 207:  # NaN and its like make the whole body no JSON, though its fault is named
        assert json.loads(batch.data)["items"][0]["code"] == code
    else:
        assert only_fault(json.loads(batch.data))["pointer"] == f"/events/0/properties{pointer}"
    new = len(log.records()) - before
    assert new == 1 + (batch.status_code == 207), "only the good event is written, once by each request that took it"


@pytest.mark.parametrize(("raw", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_json_is_a_400(api: Api, contact: int, raw: bytes, code: str) -> None:
    single = api.post(f"/api/v1/contacts/{contact}/events", event(raw))
    assert (single.status_code, json.loads(single.data)["code"]) == (400, code)
    lines = event(raw, contact_id=contact) + b"\n" + event(b"{}", contact_id=contact)
    answer = api.post("/api/v1/events/batch", lines, Content_Type="application/x-ndjson")
    assert [item.get("code") for item in json.loads(answer.data)["items"]] == [code, None]


def test_a_byte_order_mark_is_a_400(api: Api, contact: int) -> None:
    answer = api.post(f"/api/v1/contacts/{contact}/events", b"\xef\xbb\xbf" + event(b"{}"))
    assert (answer.status_code, json.loads(answer.data)["code"]) == (400, "byte_order_mark")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("occurred_at", "2026-06-07T10:30:00", "no_offset"),
        ("occurred_at", "2026-W01-1", "invalid_time"),
        ("occurred_at", "2026-06-07 10:30:00Z", "invalid_time"),
        ("occurred_at", "2026-06-07T10:30:60Z", "invalid_time"),
        ("occurred_at", "2026-02-30T10:30:00Z", "invalid_time"),
        ("occurred_at", "0001-01-01T00:00:00+14:00", "too_early"),
        ("occurred_at", "9999-12-31T23:59:59-14:00", "too_far_ahead"),
        ("occurred_at", "1999-12-31T23:59:59Z", "too_early"),
        ("occurred_at", "2199-12-31T23:59:59Z", "too_far_ahead"),
        ("occurred_at", "\u0662026-06-07T10:30:00Z", "invalid_time"),
        ("occurred_at", 1717756200, "wrong_type"),
        ("occurred_at", None, "wrong_type"),
        ("name", "", "blank"),
        ("name", "  ", "blank"),
        ("name", "x" * 129, "too_long"),
        ("name", "a\nb", "control_character"),
        ("name", 5, "wrong_type"),
        ("id", "", "invalid_id"),
        ("id", "-x", "invalid_id"),
        ("id", "x" * 129, "invalid_id"),
        ("id", "\u00b2", "invalid_id"),
        ("id", "a/b", "invalid_id"),
        ("id", None, "wrong_type"),
        ("properties", [], "wrong_type"),
        ("properties", {"a": "x" * 40_000}, "too_large"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(api: Api, contact: int, field: str, value: object, code: str) -> None:
    body = {"name": "x", "occurred_at": "2026-06-07T10:30:00Z", field: value}
    answer = api.post(f"/api/v1/contacts/{contact}/events", body)
    assert answer.status_code == 422, answer.text
    fault = only_fault(json.loads(answer.data))
    assert (fault["pointer"], fault["code"]) == (f"/{field}", code)
    assert field in fault["message"]
    (item,) = json.loads(api.post("/api/v1/events/batch", {"events": [body | {"contact_id": contact}]}).data)["items"]
    assert (item["status"], item["code"]) == ("rejected", code)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "x" * 128},
        {"name": "Größe geändert 📦"},
        {"occurred_at": "2026-06-07T10:30:00.1234567+05:30"},
        {"occurred_at": "2026-06-07t10:30:00z"},
        {"occurred_at": "2026-06-07T10:30:00-00:00"},
        {"properties": None},
        {"properties": {}},
        {"properties": {"large": 9223372036854775807, "small": -9223372036854775808, "zero": -0.0, "tiny": 5e-324}},
        {"properties": {"text": "\u2028<script>\ufffe\U0001f4e6"}},
        {"id": "a" * 128},
    ],
)
def test_the_unusual_but_sound_is_accepted(api: Api, contact: int, given: dict[str, object]) -> None:
    body = {"name": "x", "occurred_at": "2026-06-07T10:30:00Z"} | given
    assert api.post(f"/api/v1/contacts/{contact}/events", body).status_code == 202
    assert api.post("/api/v1/events/batch", {"events": [body | {"contact_id": contact}]}).status_code == 202
