"""`topic export` against consuming alone, `topic import` against the batch endpoint, as commands are typed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from kafka import KafkaConsumer, TopicPartition

from bench.client import BATCH, endpoint_rate
from bench.posts import THREADS, WORKERS, create_contacts, event_body
from bench.projection import produce_events
from bench.report import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from bench.stand import Stand

EXPORTED_PER_SECOND: Final = 30_000
IMPORTED_PER_SECOND: Final = 4_000


def exports_and_imports(bench: Stand, seconds: float) -> list[Figure]:
    """Measure both, the start of the command taken off."""
    return [_export(bench, int(seconds * EXPORTED_PER_SECOND)), _import(bench, seconds)]


def _export(bench: Stand, count: int) -> Figure:
    bench.new_topic("bench-export")
    produce_events(bench, count)
    alone = count / min(_consume(bench, count) for _ in range(2))
    file = bench.directory / "export.ndjson"
    start = _run(bench, "topic", "export", str(bench.directory / "nothing.ndjson"), "--to", "2000-01-01")
    taken = _run(bench, "topic", "export", str(file))
    notes: dict[str, float | str] = {"MB": file.stat().st_size / 1e6, "start s": start}
    return Figure(
        "topic export", "records/s", count / (taken - start), alone, "kafka-python, consuming alone", notes=notes
    )


def _consume(bench: Stand, count: int) -> float:
    """Read the whole topic and do nothing with it; the seconds that took."""
    consumer = KafkaConsumer(
        bootstrap_servers=bench.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        partitions = consumer.partitions_for_topic(bench.topic) or set()
        consumer.assign([TopicPartition(bench.topic, each) for each in partitions])
        began, left = time.perf_counter(), count
        while left > 0:
            left -= sum(len(records) for records in consumer.poll(1_000, max_records=10_000).values())
        return time.perf_counter() - began
    finally:
        consumer.close()


def _import(bench: Stand, seconds: float) -> Figure:
    bench.new_topic("bench-import")
    count = int(seconds * IMPORTED_PER_SECOND)
    with bench.server("ingest", WORKERS, THREADS) as port:
        contact_id = create_contacts(bench, port, 1)[0]
        alone = endpoint_rate(bench, port, contact_id, seconds / 2)
        api = {"BASE_URL": f"http://127.0.0.1:{port}", "API_KEY": bench.api_key}
        start = _run(bench, "topic", "import", str(_events(bench, contact_id, 1)), **api)
        taken = _run(bench, "topic", "import", str(_events(bench, contact_id, count)), **api)
    baseline = f"endpoint, batches of {BATCH}"
    return Figure("topic import", "events/s", count / (taken - start), alone, baseline, notes={"start s": start})


def _events(bench: Stand, contact_id: int, count: int) -> Path:
    file = bench.directory / f"{count}.ndjson"
    with file.open("wb") as out:
        for number in range(count):
            out.write(b'{"contact_id":%d,%s\n' % (contact_id, event_body(number, "import")[1:]))
    return file


def _run(bench: Stand, *arguments: str, **variables: str) -> float:
    """Run a command of ours; the seconds that took."""
    began = time.perf_counter()
    environment = os.environ | bench.environment(**variables)
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, env=environment, cwd=bench.directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - began
