"""The embedded broker survives what folders, crashes and taken ports do to it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from cli.stack.broker import Broker, start_broker
from cli.stack.errors import StackError
from cli.stack.ports import free_port
from cli.stack.processes import Launch, Supervised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = "kept"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker in a folder with everything that is awkward in a name, on a path longer than a socket's may be."""
    broker = start_broker(tmp_path / "a folder, with ümlaut" / ("x" * 120), heap="256m")
    yield broker
    broker.stop()


def create(broker: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)


def write(broker: Broker, *values: str) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for value in values:
        producer.produce(TOPIC, value)
    assert producer.flush(30) == 0


def read(broker: Broker, count: int) -> list[str]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "test"})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    records = consumer.consume(count, timeout=30)
    consumer.close()
    return [(record.value() or b"").decode() for record in records]


def test_data_survive_a_stop_a_kill_and_a_change_of_ports(broker: Broker) -> None:
    create(broker)
    address = broker.bootstrap_servers
    write(broker, "before the stop")

    broker.stop()
    assert broker.pid is None
    broker.start()
    assert broker.bootstrap_servers == address
    write(broker, "before the kill")

    broker.kill()
    broker.port, broker.controller_port = free_port(), free_port()
    broker.start()

    assert read(broker, 2) == ["before the stop", "before the kill"]


def test_another_broker_at_its_port_does_not_make_a_broker_ready(broker: Broker, tmp_path: Path) -> None:
    process = Supervised("part", tmp_path / "part.json", tmp_path / "part.log")
    process.start(Launch([sys.executable, "-c", "import time; time.sleep(300)"], dict(os.environ), tmp_path))

    assert broker.ready() == ""
    assert Broker(tmp_path, broker.port, free_port(), process=process).ready().startswith("not listening")
    process.stop()


def test_storage_that_lost_its_mark_is_never_formatted_again(broker: Broker) -> None:
    create(broker)
    broker.stop()
    (broker.directory / "data" / "meta.properties").unlink()

    with pytest.raises(StackError, match="holds topics but no meta"):
        broker.start()


def test_a_broker_that_cannot_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"Kafka(.|\n)*nonsense for configuration"):
        start_broker(tmp_path, heap="256m", settings={"log.segment.bytes": "nonsense"})


def test_a_topic_is_never_created_by_asking_for_it(broker: Broker) -> None:
    metadata = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics("misspelt", timeout=30)

    assert metadata.topics["misspelt"].error is not None
