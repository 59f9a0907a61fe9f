"""Records on a real topic, and the commands as a person types them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from cli.topic import topic as topic_group
from runtime.kafka import build_producer
from schemas.partitioning import contact_partition
from schemas.records import HEADERS, AnyRecord, EventErased, EventRecorded, encode
from tests.conftest import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kafka import KafkaProducer

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 6, 7, 12, tzinfo=UTC)


def event(contact: int, id_: str, workspace: int = 1, **more: object) -> EventRecorded:
    fields: dict[str, Any] = {
        "workspace_id": workspace,
        "contact_id": contact,
        "record_id": uuid4(),
        "id": id_,
        "received_at": NOON,
        "name": "plan_upgraded",
        "occurred_at": NOON - timedelta(minutes=1),
        "properties": "{}",
    }
    return EventRecorded(**fields | more)


def event_erased(contact: int, event_id: str, workspace: int = 1) -> EventErased:
    return EventErased(
        workspace_id=workspace,
        contact_id=contact,
        record_id=uuid4(),
        id=str(uuid4()),
        received_at=NOON,
        event_id=event_id,
    )


@dataclass
class Writer:
    """Publishes as ingest does. `places` has partition and offset of each record by its record id."""

    producer: KafkaProducer
    topic: str
    places: dict[UUID, tuple[int, int]] = field(default_factory=dict)

    def write(self, *records: AnyRecord) -> None:
        futures = []
        for record in records:
            contact_id = getattr(record, "contact_id", 0)
            partition = contact_partition(record.workspace_id, contact_id, PARTITIONS)
            futures.append((record.record_id, self.raw(record.key, encode(record), partition)))
        self.producer.flush(60)
        for record_id, future in futures:
            place = future.get(60)
            self.places[record_id] = (place.partition, place.offset)

    def raw(self, key: bytes | None, value: bytes | None, partition: int) -> Any:  # noqa: ANN401 - kafka-python's future
        return self.producer.send(self.topic, key=key, value=value, partition=partition, headers=HEADERS)


@pytest.fixture
def writer(environment: Mapping[str, str]) -> Iterator[Writer]:
    producer = build_producer(environment["KAFKA_BOOTSTRAP_SERVERS"], "tests")
    yield Writer(producer, environment["TOPIC"])
    producer.close(timeout=10)


@dataclass(frozen=True)
class Commands:
    """Runs `contact-events topic ...` in this process, or as one of its own."""

    environment: Mapping[str, str]
    folder: Path

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(topic_group, list(arguments), obj=dict(self.environment))
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "topic", *arguments],
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A shell's background job starts with Ctrl-C ignored, and so would all that it starts.
            preexec_fn=_mind_interrupts,  # noqa: PLW1509 - it takes no lock
        )


def _mind_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def commands(environment: Mapping[str, str], tmp_path: Path) -> Commands:
    return Commands(environment, tmp_path)
