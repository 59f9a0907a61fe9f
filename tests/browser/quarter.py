"""The demo's quarter on the topic, each record as if it had arrived when it happened.

Written past ingest, which would give all of them the time of now, and so every timeline would be late.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.demo.memory import SEED
from cli.demo.quarter import build_quarter
from runtime.kafka import build_producer
from schemas.ids import uuid7
from schemas.partitioning import contact_partition
from schemas.records import HEADERS, AnyRecord, ContactCreated, ContactUpdated, EventRecorded, encode
from tests.e2e.system import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cli.demo.story import Data, ShopStory
    from tests.e2e.system import System

WORKSPACE = 1
ON_ITS_WAY = timedelta(milliseconds=180)


def write_quarter(system: System, end: datetime, first_id: int) -> dict[str, int]:
    """Write it and wait until it is on the timelines; the contacts' ids, counted from the first, by external id."""
    stories = build_quarter(SEED, end).stories
    contacts = {external_id: number for number, external_id in enumerate(stories, first_id)}
    producer = build_producer(system.environment["KAFKA_BOOTSTRAP_SERVERS"], "screenshots")
    sent = []
    for external_id, story in stories.items():
        partition = contact_partition(WORKSPACE, contacts[external_id], int(system.environment["PARTITIONS"]))
        for record in sorted(_records(contacts[external_id], story), key=lambda record: record.received_at):
            topic, value = system.environment["TOPIC"], encode(record)
            sent.append(producer.send(topic, value=value, key=record.key, headers=HEADERS, partition=partition))
    for future in sent:
        future.get(timeout=60)
    producer.close()
    expected = sum(len(story.events) for story in stories.values())
    wait_until(lambda: _count(system) == expected, f"{expected} events on the timelines")
    return contacts


def _count(system: System) -> int:
    return sum(int(name["count"]) for name in system.api.get("/api/v1/event-names").body["data"])


def _text(data: Data) -> str:
    return json.dumps(data, ensure_ascii=False)


def _records(contact_id: int, story: ShopStory) -> Iterator[AnyRecord]:
    shop = story.shop
    moments = [event.sent_at for event in story.events] + [change.at for change in story.changes]
    yield ContactCreated(
        workspace_id=WORKSPACE,
        contact_id=contact_id,
        record_id=uuid7(),
        id=story.creation_id,
        received_at=min(moments),
        external_id=shop.external_id,
        email=shop.email,
        name=shop.owner,
        custom_data=_text(story.initial_data),
    )
    for change in story.changes:
        yield ContactUpdated(
            workspace_id=WORKSPACE,
            contact_id=contact_id,
            record_id=uuid7(),
            id=change.id,
            received_at=change.at + ON_ITS_WAY,
            profile={},
            custom_data=_text(change.custom_data),
        )
    for event in story.events:
        yield EventRecorded(
            workspace_id=WORKSPACE,
            contact_id=contact_id,
            record_id=uuid7(),
            id=event.id,
            received_at=event.sent_at + ON_ITS_WAY,
            name=event.name,
            occurred_at=event.occurred_at,
            properties=_text(event.properties),
        )
