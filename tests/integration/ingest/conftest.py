"""A write API in this process, on the session's real broker and database, and an independent reader of the topic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from psycopg import sql
from werkzeug.test import Client

from cli.topic import ensure_topic
from ingest.main import build
from runtime.kafka import build_admin
from schemas.api_keys import SCOPES
from tests.conftest import PARTITIONS, create_api_key, create_workspace
from tests.integration.ingest.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from werkzeug.test import TestResponse

    from runtime.service import Service
    from tests.parts import Parts


@dataclass(frozen=True)
class Api:
    """Calls the write API as a server of an app would."""

    client: Client
    api_key: str

    def post(self, path: str, body: object, method: str = "POST", **headers: str) -> TestResponse:
        """Send a body: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"} | given
        return self.client.open(path, method=method, data=data, headers=given)

    def contact(self, external_id: str = "shop-1", **fields: object) -> int:
        """Create a contact; its id."""
        answer = self.post("/api/v1/contacts", {"external_id": external_id, **fields})
        assert answer.status_code in {200, 201}, answer.text
        return int(json.loads(answer.data)["id"])


@pytest.fixture
def service(environment: Mapping[str, str]) -> Iterator[Service]:
    """Run the service as `contact-events serve ingest` would build it."""
    service = build(environment)
    yield service
    service.close()


@pytest.fixture
def api(service: Service, api_key: str) -> Api:
    """Call it with a key that may do everything."""
    return Api(Client(service.app), api_key)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between ingest and the database."""
    parts = urlsplit(database_url)
    assert parts.hostname
    assert parts.port
    proxy = Proxy(parts.hostname, parts.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def proxied_url(database_url: str, proxy: Proxy) -> str:
    """Give the database's address by way of the proxy."""
    parts = urlsplit(database_url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}"))


@pytest.fixture(scope="session")
def shared_environment(stack: Parts, template_database: str) -> Iterator[dict[str, str]]:
    """Describe one database and topic for the tests that do not mind each other."""
    name = f"shared_{uuid4().hex[:12]}"
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        template = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(template.format(sql.Identifier(name), sql.Identifier(template_database)))
    admin = build_admin(stack.bootstrap_servers, "tests")
    ensure_topic(admin, name, PARTITIONS, 1)
    yield {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": stack.database_url(name),
        "TOPIC": name,
    }
    admin.delete_topics([name])
    admin.close()
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def shared_api(shared_environment: dict[str, str]) -> Iterator[Api]:
    """Call one service of the session, with a key that may do everything."""
    url = shared_environment["DATABASE_URL"]
    key = create_api_key(url, create_workspace(url, "Shared"), list(SCOPES))
    service = build(shared_environment)
    yield Api(Client(service.app), key)
    service.close()


@pytest.fixture
def shared_log(shared_environment: dict[str, str]) -> Log:
    """Read its topic."""
    return Log(shared_environment["KAFKA_BOOTSTRAP_SERVERS"], shared_environment["TOPIC"])


@dataclass(frozen=True)
class Log:
    """Reads a topic with another client than ours."""

    bootstrap_servers: str
    topic: str

    def records(self) -> list[dict[str, Any]]:
        """Read all that is on the topic now: partition, offset, key, headers and value of each record."""
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap_servers, "group.id": "tests", "enable.auto.commit": False}
        )
        try:
            found: list[dict[str, Any]] = []
            for partition in consumer.list_topics(self.topic, timeout=60).topics[self.topic].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=60)
                consumer.assign([TopicPartition(self.topic, partition, low)])
                while low < high:
                    (record,) = consumer.consume(1, timeout=60)
                    assert record.error() is None
                    low += 1  # nothing has been compacted here
                    found.append(
                        {
                            "partition": partition,
                            "offset": record.offset(),
                            "key": record.key(),
                            "headers": record.headers(),
                            "value": record.value(),
                        }
                    )
            return found
        finally:
            consumer.close()


@pytest.fixture
def log(environment: Mapping[str, str]) -> Log:
    """Read the test's topic."""
    return Log(environment["KAFKA_BOOTSTRAP_SERVERS"], environment["TOPIC"])
