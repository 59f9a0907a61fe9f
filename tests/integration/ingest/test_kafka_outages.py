"""Kafka away, and Kafka that refuses a record for good: what callers are told, and how soon all is well again."""

from __future__ import annotations

import gc
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from kafka.admin import ConfigResource, ConfigResourceType
from prometheus_client import REGISTRY
from werkzeug.test import Client

from cli.stack.broker import start_broker
from cli.topic import ensure_topic
from ingest.main import build
from runtime.kafka import build_admin
from tests.conftest import PARTITIONS
from tests.integration.ingest.conftest import Api, Log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.stack.broker import Broker

pytestmark = [
    # kafka-python leaves the sockets of refused connections to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PATIENCE = 120
"""Seconds until all must be well again: generous, the machine may be busy with other things."""

UNPATIENT = 7
"""Seconds that no answer may take even here. An answer is promised within three, which most of a crowd must keep; a
single one may meet a machine that is busy. Without our own deadlines it would be kafka-python's eight or more."""

BODY = {"name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z"}


@pytest.fixture(scope="module", autouse=True)
def quiet_kafka() -> Iterator[None]:
    """Keep kafka-python's complaints out of pytest's records, which would keep those sockets beyond the module."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)
    gc.collect()


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Run a broker that these tests may take away."""
    broker = start_broker(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture
def own_topic(own_broker: Broker, topic: str) -> str:
    """Make a topic on it, of the same name as the test's."""
    admin = build_admin(own_broker.bootstrap_servers, "tests")
    try:
        ensure_topic(admin, topic, PARTITIONS, 1)
    finally:
        admin.close()
    return topic


@pytest.fixture
def environment(environment: Mapping[str, str], own_broker: Broker, own_topic: str) -> dict[str, str]:
    """Point the service to it."""
    return dict(environment) | {"KAFKA_BOOTSTRAP_SERVERS": own_broker.bootstrap_servers, "TOPIC": own_topic}


def timed_post(api: Api, path: str, id_: str) -> tuple[int, float, dict[str, object], str | None]:
    begun = time.monotonic()
    answer = api.post(path, BODY | {"id": id_})
    return answer.status_code, time.monotonic() - begun, json.loads(answer.data), answer.headers.get("Retry-After")


def test_an_outage_is_a_503_within_three_seconds_and_ends_by_itself(api: Api, own_broker: Broker, log: Log) -> None:
    path = f"/api/v1/contacts/{api.contact()}/events"
    assert timed_post(api, path, "before")[0] == 202
    own_broker.kill()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: timed_post(api, path, f"during-{number}"), range(48)))
    for number, (status, _, body, retry_after) in enumerate(answers):
        assert (status, body["id"], retry_after) == (503, f"during-{number}", "2")
        assert body["code"] in {"not_acknowledged", "kafka_unavailable"}
    taken = [seconds for _, seconds, _, _ in answers]
    assert median(taken) < 3
    assert max(taken) < UNPATIENT
    own_broker.start()
    deadline = time.monotonic() + PATIENCE
    while timed_post(api, path, "after")[0] != 202:
        assert time.monotonic() < deadline
    assert {"before", "after"} <= {json.loads(record["value"])["id"] for record in log.records()}


def test_segment_libraries_are_asked_to_send_again(api: Api, own_broker: Broker, log: Log) -> None:
    api.contact("one")
    track = {"type": "track", "event": "plan_upgraded", "userId": "one", "timestamp": "2026-06-07T10:30:00Z"}
    identify = {"type": "identify", "userId": "two", "messageId": "i"}
    body = {"batch": [track | {"messageId": "m"}, identify, {"type": "page", "userId": "one"}]}
    assert api.post("/v1/batch", {"batch": [track]}).status_code == 200
    own_broker.kill()
    begun = time.monotonic()
    answer = api.post("/v1/batch", body)
    document = json.loads(answer.data)
    assert (answer.status_code, document["success"], answer.headers["Retry-After"]) == (503, False, "2")
    assert time.monotonic() - begun < UNPATIENT
    own_broker.start()
    deadline = time.monotonic() + PATIENCE
    while (answer := api.post("/v1/batch", body)).status_code != 200:
        assert answer.status_code == 503, answer.text
        assert time.monotonic() < deadline
    assert [item["status"] for item in json.loads(answer.data)["items"]] == ["accepted", "accepted", "ignored"]
    created = [json.loads(record["value"]) for record in log.records() if b"contact.created" in record["value"]]
    assert {value["data"]["external_id"] for value in created} == {"one", "two"}
    assert len({value["subject"] for value in created}) == 2


def test_a_service_starts_and_says_503_without_kafka(
    environment: Mapping[str, str], api: Api, own_broker: Broker, api_key: str
) -> None:
    contact = api.contact()
    own_broker.stop()
    service = build(environment)
    try:
        fresh = Api(Client(service.app), api_key)
        status, seconds, body, _ = timed_post(fresh, f"/api/v1/contacts/{contact}/events", "e")
        assert (status, body["code"]) == (503, "kafka_unavailable")
        assert seconds < UNPATIENT
        assert "Kafka" in (service.checks["kafka"]() or "")
        created = fresh.post("/api/v1/contacts", {"external_id": "new"})
        assert created.status_code == 503
        own_broker.start()
        deadline = time.monotonic() + PATIENCE
        while service.checks["kafka"]() is not None:
            assert time.monotonic() < deadline
        again = fresh.post("/api/v1/contacts", {"external_id": "new"})
        assert again.status_code in {200, 201}, again.text
    finally:
        service.close()


def set_limit(broker: Broker, topic: str, size: int) -> None:
    admin = build_admin(broker.bootstrap_servers, "tests")
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": str(size)})])
    finally:
        admin.close()


def test_a_record_that_the_broker_refuses_hurts_nobody_else(
    api: Api, own_broker: Broker, own_topic: str, log: Log
) -> None:
    path = f"/api/v1/contacts/{api.contact()}/events"
    set_limit(own_broker, own_topic, 2_000)
    noise = {"text": "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(4_000))}
    poison = api.post(path, BODY | {"id": "poison", "properties": noise})
    assert poison.status_code in {413, 503}, poison.text
    status, _, body, _ = timed_post(api, path, "next")
    assert status == 202, body
    with ThreadPoolExecutor(16) as threads:
        futures = [
            threads.submit(api.post, path, BODY | {"id": f"{number}", "properties": noise if number % 10 == 5 else {}})
            for number in range(60)
        ]
        statuses = [future.result().status_code for future in futures]
    innocent = [status for number, status in enumerate(statuses) if number % 10 != 5]
    assert set(innocent) == {202}, statuses
    again = api.post(path, BODY | {"id": "poison", "properties": noise})
    assert (again.status_code, json.loads(again.data)["code"]) == (413, "record_too_large")
    assert "poison" not in {json.loads(record["value"])["id"] for record in log.records()}


def test_while_kafka_is_away_memory_is_bounded_and_nothing_is_called_accepted(
    environment: Mapping[str, str], api: Api, own_broker: Broker, log: Log
) -> None:
    path = f"/api/v1/contacts/{api.contact()}/events"
    bound = 2**20
    service = build(dict(environment) | {"INGEST_MAX_OUTSTANDING_BYTES": str(bound)})
    app = service.app
    assert isinstance(app, Flask)
    gate = app.extensions["ingest"].recording._publisher._gate  # noqa: SLF001 - what the bound is about
    bounded = Api(Client(app), api.api_key)
    answers: dict[str, int] = {}
    largest = shown = 0.0
    taken: list[float] = []

    def send(number: int) -> None:
        nonlocal largest, shown
        begun = time.monotonic()
        answer = bounded.post(path, BODY | {"id": f"e-{number}", "properties": {"text": "x" * 30_000}})
        taken.append(time.monotonic() - begun)
        largest = max(largest, gate.outstanding_bytes)
        shown = max(shown, REGISTRY.get_sample_value("ingest_outstanding_bytes") or 0)
        answers[f"e-{number}"] = answer.status_code
        if answer.status_code == 503:
            codes.add(json.loads(answer.data)["code"])

    codes: set[str] = set()
    try:
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(send, range(40)))
            assert set(answers.values()) == {202}
            own_broker.kill()
            with ThreadPoolExecutor(48) as crowd:  # more at once than the bound has room for
                list(crowd.map(send, range(40, 400)))
            assert {answers[f"e-{number}"] for number in range(40, 400)} == {503}
            assert {"overloaded", "not_acknowledged"} <= codes
            assert median(taken) < 3
            assert max(taken) < UNPATIENT
            assert 0 < shown <= bound
            assert largest <= bound
            own_broker.start()
            deadline = time.monotonic() + PATIENCE
            while bounded.post(path, BODY | {"id": "e-39"}).status_code != 202:
                assert time.monotonic() < deadline
            list(threads.map(send, range(40, 400, 10)))
    finally:
        service.close()
    written = {json.loads(record["value"])["id"] for record in log.records()}
    accepted = {id_ for id_, status in answers.items() if status == 202}
    assert len(accepted) >= 40 + 36
    assert accepted <= written
    assert gate.outstanding_bytes == 0
