"""The record contract: checked-in examples, their JSON Schemas and the code agree, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema  # type: ignore[import-untyped] # ships no types, and its stubs are not among our tools
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import records
from schemas.partitioning import contact_hash, contact_partition, workspace_partition
from schemas.times import format_time

SCHEMAS = Path(records.__file__).parent / "record_types"
EXAMPLES = sorted((SCHEMAS / "examples").glob("*/*.json"))
PARTITIONS = 12
RECORD_ID = UUID("01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41")


def value_bytes(path: Path) -> bytes:
    """The value as it stands in the file: parsing and writing it again would lose how numbers were written."""
    text = path.read_text(encoding="utf-8")
    start = text.index('"value": ') + len('"value": ')
    return text[start : text.rindex("}")].strip().encode()


def example(path: Path) -> tuple[bytes, bytes, int]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return document["key"].encode(), value_bytes(path), document.get("partition_of_12", 0)


def good(type_: str, name: str) -> tuple[bytes, dict[str, Any], int]:
    key, value, partition = example(SCHEMAS / "examples" / type_ / f"{name}.json")
    return key, json.loads(value), partition


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_example_is_valid_and_round_trips(path: Path) -> None:
    key, value, partition = example(path)
    schema = json.loads((SCHEMAS / f"{path.parent.name}.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(json.loads(value))

    record = records.decode(key, value, partition, PARTITIONS)

    if isinstance(record, records.LogMark):
        assert key == records.LOG_MARK_KEY
        assert records.encode_log_mark(datetime(2026, 6, 7, 11, tzinfo=UTC)) == value
        return
    assert record.key == key
    assert records.encode(record) == value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_example_headers_are_ours(path: Path) -> None:
    headers = json.loads(path.read_text(encoding="utf-8"))["headers"]
    assert [(name, text.encode()) for name, text in headers.items()] == records.HEADERS


def test_every_type_has_a_schema_and_an_example_and_nothing_else_lies_about() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(records.TYPES)
    assert {path.parent.name for path in EXAMPLES} == set(records.TYPES)
    known = {SCHEMAS / f"{type_}.json" for type_ in records.TYPES} | set(EXAMPLES)
    assert {path for path in SCHEMAS.rglob("*") if path.is_file()} == known


@pytest.mark.parametrize("type_", records.TYPES)
def test_schema_names_itself(type_: str) -> None:
    schema = json.loads((SCHEMAS / f"{type_}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == records.dataschema(type_)
    assert schema["properties"]["type"] == {"const": type_}


def test_published_partition_vectors() -> None:
    document = json.loads((SCHEMAS.parent / "partitioning.json").read_text(encoding="utf-8"))
    assert len(document["vectors"]) > 5
    for vector in document["vectors"]:
        who = vector["workspace_id"], vector["contact_id"]
        assert contact_hash(*who) == vector["hash"]
        assert contact_partition(*who, 12) == vector["partition_of_12"]
        assert contact_partition(*who, 48) == vector["partition_of_48"]
    for vector in document["workspace_records"]:
        assert workspace_partition(vector["workspace_id"], 12) == vector["partition_of_12"]


def reason(key: bytes | None, value: dict[str, Any] | bytes, partition: int) -> str:
    encoded = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(records.InvalidRecordError) as caught:
        records.decode(key, encoded, partition, PARTITIONS)
    return caught.value.reason


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"not json", b"[]", b"{}", b'{"specversion":"1.0"}', b"[" * 100_000, b'{"a":' * 100_000],
    ids=["empty", "not utf-8", "text", "list", "object", "no type", "deep list", "deep object"],
)
def test_what_is_no_cloudevent(value: bytes) -> None:
    assert reason(b"1/17/" + str(RECORD_ID).encode(), value, 2) == "not_a_cloudevent"


def test_another_specversion() -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    assert reason(key, value | {"specversion": "0.3"}, partition) == "not_a_cloudevent"


@pytest.mark.parametrize(
    "key",
    [
        None,
        b"",
        b"1/17",
        b"1/17/x",
        b"1/17/01976e2c3a807c4e9b1d5f2a8e6c0d41",
        b"1/17/01976E2C-3A80-7C4E-9B1D-5F2A8E6C0D41",
        b"1/1_7/01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41",
        b" 1/17/01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41",
        b"0/17/01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41",
        b"1/9999999999999999999/01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41",
        b"\xb2/17/01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41",
    ],
)
def test_key_that_is_not_ours(key: bytes | None) -> None:
    _, value, partition = good("contact.event.recorded.v1", "late")
    assert reason(key, value, partition) == "invalid_key"
    assert records.read_key(key) is None


@pytest.mark.parametrize(
    "change",
    [{"source": "/workspaces/2"}, {"subject": "contacts/18"}, {"subject": "event-names"}, {"source": "/workspaces/01"}],
)
def test_parts_that_disagree(change: dict[str, Any]) -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    assert reason(key, value | change, partition) == "parts_disagree"


def test_contact_record_under_a_workspace_key_and_the_other_way_round() -> None:
    _, event, partition = good("contact.event.recorded.v1", "late")
    workspace_key, name_changed, home = good("event_name.changed.v1", "hidden")
    assert reason(workspace_key, event, partition) == "parts_disagree"
    assert reason(b"1/17/" + str(RECORD_ID).encode(), name_changed, home) in {"parts_disagree", "wrong_partition"}


def test_wrong_partition() -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    assert reason(key, value, partition + 1) == "wrong_partition"


@pytest.mark.parametrize(
    "change",
    [
        {"time": "yesterday"},
        {"time": "2026-06-07T10:30:00"},
        {"time": None},
        {"time": "0001-01-01T00:00:00+14:00"},
        {"receivedat": "2026-06-07T10:30:00"},
        {"data": {"name": "x"}},
        {"data": {"name": 7, "properties": {}}},
        {"data": {"name": "x", "properties": [1]}},
        {"data": {"name": "x", "properties": None}},
        {"data": {"name": "", "properties": {}}},
        {"data": {"name": "x" * 129, "properties": {}}},
        {"data": {"name": "x\0", "properties": {}}},
        {"data": {"name": "x", "properties": {"deep": [{"a\0": 1}]}}},
        {"data": {"name": "x", "properties": {"a": "\\\0"}}},
        {"id": "x" * 129},
        {"id": ""},
    ],
    ids=str,
)
def test_event_data_that_is_wrong(change: dict[str, Any]) -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    assert reason(key, value | change, partition) == "invalid_data"


@pytest.mark.parametrize(
    "data", [{"profile": {"email": 1}}, {"profile": {}, "custom_data": []}, {"profile": []}], ids=str
)
def test_update_data_that_is_wrong(data: dict[str, Any]) -> None:
    key, value, partition = good("contact.updated.v1", "profile")
    assert reason(key, value | {"data": data}, partition) == "invalid_data"


@pytest.mark.parametrize("change", [{"hidden": "yes"}, {"alias": True}, {"pinned": 1}], ids=str)
def test_name_change_that_is_wrong(change: dict[str, Any]) -> None:
    key, value, partition = good("event_name.changed.v1", "hidden")
    assert reason(key, value | {"data": {"name": "x", "change": change}}, partition) == "invalid_data"


def test_escaped_backslash_before_u0000_is_no_nul() -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    value["data"]["properties"] = {"a": "\\u0000"}
    record = records.decode(key, json.dumps(value).encode(), partition, PARTITIONS)
    assert isinstance(record, records.EventRecorded)


def test_unknown_type_is_told_apart() -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    with pytest.raises(records.UnknownTypeError) as caught:
        records.decode(key, json.dumps(value | {"type": "contact.merged.v1"}).encode(), partition, PARTITIONS)
    assert caught.value.type == "contact.merged.v1"


def test_unknown_fields_are_ignored() -> None:
    key, value, partition = good("contact.event.recorded.v1", "plan_upgraded")
    wider = value | {"traceparent": "00-1", "data": value["data"] | {"later": [1]}}
    before = records.decode(key, json.dumps(value).encode(), partition, PARTITIONS)
    assert records.decode(key, json.dumps(wider).encode(), partition, PARTITIONS) == before


def test_update_ignores_unknown_profile_fields() -> None:
    key, value, partition = good("contact.updated.v1", "profile")
    value["data"]["profile"]["phone"] = 7
    record = records.decode(key, json.dumps(value).encode(), partition, PARTITIONS)
    assert isinstance(record, records.ContactUpdated)
    assert "phone" not in record.profile


def test_times_come_back_in_utc() -> None:
    key, value, partition = good("contact.event.recorded.v1", "late")
    record = records.decode(
        key, json.dumps(value | {"time": "2026-05-01T02:00:00+02:00"}).encode(), partition, PARTITIONS
    )
    assert isinstance(record, records.EventRecorded)
    assert record.occurred_at == datetime(2026, 5, 1, tzinfo=UTC)
    assert record.occurred_at.tzinfo is UTC


@given(
    id_=st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
    occurred_at=st.datetimes(timezones=st.just(UTC)),
    received_at=st.datetimes(timezones=st.just(UTC)),
)
def test_an_event_put_together_from_texts_is_json_with_nothing_escaped_twice(
    id_: str, name: str, occurred_at: datetime, received_at: datetime
) -> None:
    event = records.EventRecorded(
        workspace_id=3,
        contact_id=17,
        record_id=RECORD_ID,
        id=id_,
        received_at=received_at,
        name=name,
        occurred_at=occurred_at,
        properties='{"a":1.10}',
    )
    value = msgspec.json.decode(records.encode(event))
    assert value == {
        "specversion": "1.0",
        "id": id_,
        "source": "/workspaces/3",
        "type": records.EVENT_RECORDED,
        "subject": "contacts/17",
        "time": format_time(occurred_at),
        "datacontenttype": "application/json",
        "dataschema": records.dataschema(records.EVENT_RECORDED),
        "receivedat": format_time(received_at),
        "data": {"name": name, "properties": {"a": 1.1}},
    }
    assert b'"properties":{"a":1.10}' in records.encode(event)
