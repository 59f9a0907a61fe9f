"""Many records at once on the real broker: each where its answer says, in order, and none hurt by another request's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.sender import Sender

from runtime.kafka import build_admin, build_producer
from schemas.positions import Position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.ingest.conftest import Api, Log

WHEN = "2026-06-07T10:30:00Z"


def post_batch(api: Api, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = api.post("/api/v1/events/batch", {"events": events})
    items: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return items


def batch(run: str, contacts: list[int], number: int, size: int) -> list[dict[str, Any]]:
    return [
        {
            "contact_id": contacts[place % len(contacts)],
            "id": f"{run}-{place:04}",
            "name": "plan_upgraded",
            "occurred_at": WHEN,
            "properties": {"text": f"{place:x}" * size},
        }
        for place in range(number)
    ]


def test_every_record_is_where_its_answer_says_and_each_contacts_in_order(api: Api, log: Log) -> None:
    contacts = [api.contact(f"shop-{number}") for number in range(7)]
    events = {f"r{number}": batch(f"r{number}", contacts, 600, 150) for number in range(6)}  # over 64 kB a partition
    with ThreadPoolExecutor(6) as threads:
        items = [
            item for answered in threads.map(lambda sent: post_batch(api, sent), events.values()) for item in answered
        ]
    assert {item["status"] for item in items} == {"accepted"}
    at = {(record["partition"], record["offset"]): json.loads(record["value"]) for record in log.records()}
    for item in items:
        position = Position.decode(item["position"])
        assert at[position.partition, position.offset]["id"] == item["id"]
    assert len({item["position"] for item in items}) == len(items)
    for run, sent in events.items():
        for contact in contacts:
            found = [
                value["id"]
                for _, value in sorted(at.items(), key=lambda each: each[0])
                if value["subject"] == f"contacts/{contact}" and value["id"].startswith(f"{run}-")
            ]
            assert found == [event["id"] for event in sent if event["contact_id"] == contact]


def test_a_record_that_the_broker_refuses_costs_other_requests_and_its_own_neighbours_nothing(
    api: Api, environment: Mapping[str, str], log: Log
) -> None:
    contacts = [api.contact(f"shop-{number}") for number in range(3)]
    admin = build_admin(environment["KAFKA_BOOTSTRAP_SERVERS"], "tests")
    try:
        settings = {"max.message.bytes": "3000"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, environment["TOPIC"], configs=settings)])
    finally:
        admin.close()
    noise = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(4_000))
    sent = [batch(f"r{number}", contacts, 40, 10) for number in range(8)]
    sent[3][7]["properties"] = {"text": noise}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda events: post_batch(api, events), sent))
    statuses = {item["id"]: item["status"] for items in answers for item in items}
    assert statuses.pop("r3-0007") in {"unknown", "rejected"}
    assert set(statuses.values()) == {"accepted"}, statuses
    assert set(statuses) <= {json.loads(record["value"])["id"] for record in log.records()}
    again = post_batch(api, [sent[3][7]])
    assert again[0]["code"] == "record_too_large"


def test_the_producer_that_we_build_has_the_parts_that_are_reached_into(environment: Mapping[str, str]) -> None:
    producer = build_producer(environment["KAFKA_BOOTSTRAP_SERVERS"], "tests")
    try:
        assert type(producer._accumulator) is RecordAccumulator  # noqa: SLF001 - this is what the test is about
        assert type(producer._sender) is Sender  # noqa: SLF001
        assert producer._accumulator.config["message_version"] == 2  # noqa: SLF001
        assert producer._accumulator._transaction_manager is not None, "idempotence is on"  # noqa: SLF001
    finally:
        producer.close(timeout=5)
