"""Rebuild a contact's timeline from the topic: `python timeline.py WORKSPACE CONTACT`.

Prints the events newest first, as JSON lines. Needs nothing but kafka-python. Reads
KAFKA_BOOTSTRAP_SERVERS and TOPIC; docs/topic.md says all that it relies on.
"""  # noqa: INP001 - a program by itself

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import murmur2

if TYPE_CHECKING:
    from collections.abc import Iterator


def partition_of(workspace: int, contact: int, partitions: int) -> int:
    """Find the one partition in which all records of the contact stand."""
    return int(murmur2(f"{workspace}/{contact}".encode()) & 0x7FFFFFFF) % partitions


def read(consumer: KafkaConsumer, topic: str, partition: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a partition from its beginning to its end as it is now: offsets and CloudEvents."""
    place = TopicPartition(topic, partition)
    end = consumer.end_offsets([place])[place]
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    while consumer.position(place) < end:
        for record in consumer.poll(timeout_ms=1_000).get(place, []):
            if record.value is None:
                continue  # a tombstone: what had this key was erased, and its erasure is a record of its own
            try:
                yield record.offset, json.loads(record.value)
            except ValueError:
                continue  # not a record of the contract


def timeline(records: Iterator[tuple[int, dict[str, Any]]], source: str, subject: str) -> list[dict[str, Any]]:
    """Fold the records of one contact into its events, newest first."""
    events: dict[str, tuple[datetime, int, dict[str, Any]]] = {}
    erased: set[str] = set()
    for offset, record in records:
        if record.get("source") != source or record.get("subject") != subject:
            continue
        if record["type"] == "contact.erased.v1":
            return []
        if record["type"] == "contact.event.erased.v1":
            erased.add(record["data"]["event_id"])
        elif record["type"] == "contact.event.recorded.v1":  # of several copies the first counts
            events.setdefault(record["id"], (datetime.fromisoformat(record["time"]), offset, record))
    kept = [event for id_, event in events.items() if id_ not in erased]
    return [record for _, _, record in sorted(kept, key=lambda event: event[:2], reverse=True)]


def main(workspace: int, contact: int) -> None:
    """Print the timeline."""
    topic = os.environ.get("TOPIC", "contact-events")
    consumer = KafkaConsumer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","),
        enable_auto_commit=False,
        auto_offset_reset="none",  # an offset outside the log is an error, never a leap
    )
    try:
        partition = partition_of(workspace, contact, len(consumer.partitions_for_topic(topic)))
        for event in timeline(read(consumer, topic, partition), f"/workspaces/{workspace}", f"contacts/{contact}"):
            sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
    finally:
        consumer.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
