"""A repository's history goes in over HTTP and comes out on the right timelines, in order, as valid records."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types

import schemas
from schemas.partitioning import contact_partition
from tests.e2e.history import Commit, expected_timelines, read_history
from tests.e2e.system import whole_timeline

if TYPE_CHECKING:
    from tests.e2e.system import System

SINGLE = 100
"""So many go in one by one, in the wire format that users know; the others in batches."""

BATCH = 200
TYPES = Path(schemas.__file__).parent / "record_types"


@dataclass
class Loaded:
    history: list[Commit]
    contact_ids: dict[str, int]
    positions: dict[str, str]


@pytest.fixture(scope="module")
def loaded(system: System) -> Loaded:
    history = read_history()
    found = Loaded(history, {}, {})
    for commit in history:
        if commit.author_id not in found.contact_ids:
            contact = {"external_id": commit.author_id, "name": commit.author}
            contact |= {"email": commit.email} if "@" in commit.email else {}
            answer = system.api.write("POST", "/api/v1/contacts", contact, f"author-{len(found.contact_ids)}")
            assert answer.status in {200, 201}  # 200 when it was asked for again
            found.contact_ids[commit.author_id] = answer.body["id"]
    for commit in history[:SINGLE]:
        path = f"/api/v1/contacts/{found.contact_ids[commit.author_id]}/events"
        answer = system.api.write("POST", path, commit.event())
        assert answer.status == 202
        found.positions[commit.author_id] = answer.body["position"]
    for first in range(SINGLE, len(history), BATCH):
        batch = history[first : first + BATCH]
        items = system.api.write_batch([commit.event() | {"external_id": commit.author_id} for commit in batch])
        for commit, item in zip(batch, items, strict=True):
            assert item["status"] == "accepted", item
            found.positions[commit.author_id] = item["position"]
    return found


def shown(event: dict[str, Any]) -> tuple[str, datetime, str, str]:
    instant = datetime.fromisoformat(event["occurred_at"]).astimezone(UTC)
    return event["id"], instant, event["properties"]["authored_at"], event["properties"]["message"]


def test_every_commit_is_on_its_authors_timeline_in_order(system: System, loaded: Loaded) -> None:
    expected = expected_timelines(loaded.history)
    assert sum(len(commits) for commits in expected.values()) == len(loaded.history) > 0
    for author, commits in expected.items():
        events = whole_timeline(system.api, loaded.contact_ids[author], position=loaded.positions[author])
        assert [shown(event) for event in events] == [
            (commit.sha, commit.instant, commit.authored_at, commit.message) for commit in commits
        ]
        assert system.api.get(f"/api/v1/contacts/{loaded.contact_ids[author]}").body["event_count"] == len(commits)


def read_topic(system: System) -> list[Message]:
    """Read all records with a client that is not ours."""
    servers = system.environment["KAFKA_BOOTSTRAP_SERVERS"]
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "auditor", "enable.partition.eof": True})
    topic = system.environment["TOPIC"]
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    records: list[Message] = []
    ended = 0
    while ended < len(partitions):
        record = consumer.poll(30)
        assert record is not None, "the broker says nothing"
        if record.error():
            ended += 1
        else:
            records.append(record)
    consumer.close()
    return records


def validate(
    value: str | bytes | None, key: str | bytes | None, partition: int | None, partitions: int
) -> dict[str, Any]:
    """Check a record against the schema that it names, and its key and place against its own words."""
    assert isinstance(value, bytes)
    assert isinstance(key, bytes)
    document: dict[str, Any] = json.loads(value)
    schema = json.loads((TYPES / document["dataschema"].removeprefix("urn:contact-events:schemas:")).read_text())
    Draft202012Validator(schema).validate(document)
    workspace, contact, _record = key.decode().split("/")
    assert document["source"] == f"/workspaces/{workspace}"
    assert document["subject"] == f"contacts/{contact}"
    assert partition == contact_partition(int(workspace), int(contact), partitions)
    return document


@pytest.mark.usefixtures("loaded")
def test_every_record_is_a_valid_cloudevent_in_its_partition(system: System, loaded: Loaded) -> None:
    records = read_topic(system)
    partitions = int(system.environment["PARTITIONS"])
    documents = [validate(record.value(), record.key(), record.partition(), partitions) for record in records]
    assert all(dict(record.headers() or []) == {"content-type": b"application/cloudevents+json"} for record in records)
    assert len({record.key() for record in records}) == len(records)
    types = Counter(document["type"] for document in documents)
    assert types == {
        "contact.created.v1": len(loaded.contact_ids),
        "contact.event.recorded.v1": len(loaded.history),
    }
    ids = {document["id"] for document in documents if document["type"] == "contact.event.recorded.v1"}
    assert ids == {commit.sha for commit in loaded.history}


@pytest.mark.kcat
def test_kcat_prints_the_same_records(system: System, loaded: Loaded) -> None:
    servers, topic = system.environment["KAFKA_BOOTSTRAP_SERVERS"], system.environment["TOPIC"]
    command = ["kcat", "-b", servers, "-t", topic, "-C", "-e", "-q", "-f", "%p\t%k\t%s\n"]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    partitions = int(system.environment["PARTITIONS"])
    lines = [line.split(b"\t", 2) for line in printed.splitlines()]
    documents = [validate(value, key, int(partition), partitions) for partition, key, value in lines]
    assert len(documents) == len(loaded.history) + len(loaded.contact_ids)
