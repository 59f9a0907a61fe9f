"""Kafka away under full load: memory, answers, recovery, and an audit of the topic afterwards.

`python -m bench.outage --seconds 60 --how stop|freeze` is the full form; `make bench` has a short one.
"""

from __future__ import annotations

import http.client
import json
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import psutil
from kafka import TopicPartition

from bench.posts import create_contacts
from bench.report import HEADER, Figure
from bench.stand import stand
from ingest.settings import Settings
from runtime.kafka import build_consumer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stand import Stand

WORKERS, THREADS = 2, 32
SINGLE_SENDERS, BATCH_SENDERS = 16, 32
BATCH: Final = 700
"""Events of about 1.3 kB: nine tenths of the largest body, so that what may wait for Kafka is soon full."""

MOST_TIMES: Final = 3.0
"""How much memory a byte that waits for Kafka takes at most; the bound is this times what may wait, in each process."""

WORKING_BYTES: Final = 128 * 2**20
"""What the requests under way take in each process: up to 32 bodies of a megabyte with what is made of them."""

LONGEST_ANSWER, LONGEST_RETURN = 3.0, 5.0
NOTHING_WRITTEN: Final = frozenset({"overloaded", "kafka_unavailable"})


@dataclass
class Outcome:
    """What senders were told. `answers`: when, after how long, with which status.

    A batch of which nothing was written goes by what all its ids begin with.
    """

    answers: list[tuple[float, float, int]] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    refused_batches: set[str] = field(default_factory=set)
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Senders:
    """Full load: single events and batches, each batch with one item that breaks a rule."""

    def __init__(self, bench: Stand, port: int, contacts: list[int], clock: Callable[[], float]) -> None:
        self.outcome = Outcome()
        self._bench, self._port, self._contacts, self._clock = bench, port, contacts, clock
        self._stopping = threading.Event()
        self._whole_batch = self._make_batch()
        kinds = [self._single] * SINGLE_SENDERS + [self._batch] * BATCH_SENDERS
        self._threads = [
            threading.Thread(target=self._run, args=(kind, lane), daemon=True) for lane, kind in enumerate(kinds)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the request that is under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _run(self, make: Callable[[int, int], tuple[str, str, bytes]], lane: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Authorization": f"Bearer {self._bench.api_key}", "Content-Type": "application/json"}
        number = 0
        while not self._stopping.is_set():
            number += 1
            path, name, body = make(lane, number)
            began = self._clock()
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except OSError:
                connection.close()
                with self.outcome.lock:
                    self.outcome.lost += 1
                continue
            took = self._clock() - began
            self._note(began + took, took, answer.status, json.loads(text), name)
            if answer.status == 503:  # noqa: PLR2004 - a client that never pauses would only measure refusals
                self._stopping.wait(0.05)

    def _single(self, lane: int, number: int) -> tuple[str, str, bytes]:
        contact, id_ = self._contacts[(lane + number) % len(self._contacts)], f"s-{lane}-{number}"
        return f"/api/v1/contacts/{contact}/events", id_, json.dumps(_event(id_, 100)).encode()

    def _batch(self, lane: int, number: int) -> tuple[str, str, bytes]:
        """Write a batch from one made before: the load must not take the server's processors."""
        run = f"b-{lane}-{number}"
        return "/api/v1/events/batch", run, self._whole_batch.replace(b"RUN", run.encode())

    def _make_batch(self) -> bytes:
        contacts = self._contacts
        events = [
            _event(f"RUN-{index}", 1_100) | {"contact_id": contacts[index % len(contacts)]} for index in range(BATCH)
        ]
        events[BATCH // 2]["occurred_at"] = "not a moment"
        return json.dumps({"events": events}).encode()

    def _note(self, at: float, took: float, status: int, document: dict[str, Any], name: str) -> None:
        outcome = self.outcome
        with outcome.lock:
            outcome.answers.append((at, took, status))
            if code := document.get("code"):
                outcome.codes[code] = outcome.codes.get(code, 0) + 1
            items = document.get("items")
            if items:
                outcome.accepted |= {item["id"] for item in items if item["status"] == "accepted"}
                rejected = [index for index, item in enumerate(items) if item["status"] == "rejected"]
                outcome.refused |= {f"{name}-{index}" for index in rejected}
            elif status == 202:  # noqa: PLR2004 - accepted
                outcome.accepted.add(name)
            elif status < 500 or code in NOTHING_WRITTEN:  # noqa: PLR2004 - refused for good, or never handed over
                (outcome.refused_batches if name.startswith("b-") else outcome.refused).add(name)


def _event(id_: str, size: int) -> dict[str, Any]:
    properties = {"text": "x" * size}
    return {"id": id_, "name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z", "properties": properties}


class Memory:
    """Watches the resident memory of the server's processes."""

    def __init__(self, processes: list[psutil.Process]) -> None:
        self._processes = processes
        self._stopping = threading.Event()
        self.peaks = [0] * len(processes)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(0.1):
            self.peaks = [
                max(peak, process.memory_info().rss) for peak, process in zip(self.peaks, self._processes, strict=True)
            ]

    def stop(self) -> list[int]:
        """End; the highest of each."""
        self._stopping.set()
        self._thread.join()
        return self.peaks


def kafka_away(bench: Stand, seconds: float, how: str = "stop") -> list[Figure]:
    """Take Kafka away for so long under full load; raise RuntimeError when the audit of the topic fails."""
    bench.new_topic(f"bench-outage-{how}")
    clock = time.monotonic
    with bench.server("ingest", WORKERS, THREADS) as port:
        workers = _workers()
        contacts = create_contacts(bench, port)
        quiet = max(worker.memory_info().rss for worker in workers)
        senders = Senders(bench, port, contacts, clock)
        senders.start()
        time.sleep(5)
        memory = Memory(workers)
        away_at = clock()
        back_at = _take_away(bench, seconds, how)
        time.sleep(10)
        senders.stop()
        peak = max(memory.stop())
    outcome = senders.outcome
    written = _ids(bench)
    during = [(took, status) for at, took, status in outcome.answers if away_at + 1 < at - took and at < back_at]
    first = min((at for at, _, status in outcome.answers if at > back_at and status in {202, 207}), default=None)
    bound = quiet + int(MOST_TIMES * Settings.read(bench.environment()).max_outstanding_bytes) + WORKING_BYTES
    slowest = max((took for took, _ in during), default=0.0)
    _check(outcome.accepted <= written, f"{len(outcome.accepted - written)} accepted events are not in the topic")
    refused = {id_ for id_ in written if id_ in outcome.refused or id_.rpartition("-")[0] in outcome.refused_batches}
    _check(not refused, f"{len(refused)} refused events are in the topic")
    statuses = sorted({status for _, status in during})
    return [
        Figure(
            f"Kafka away {seconds:.0f} s ({how}): peak memory",
            "MiB",
            peak / 2**20,
            notes={
                "bound": bound / 2**20,
                "before": quiet / 2**20,
                "slowest answer s": slowest,
                "goal": f"below the bound, answers under {LONGEST_ANSWER:.0f} s and all 503",
                "statuses": " ".join(map(str, statuses)),
            },
        ),
        Figure(
            "first acceptance after its return",
            "s",
            first - back_at if first is not None else float("inf"),
            notes={
                "goal": f"under {LONGEST_RETURN:.0f} s",
                "answers while away": float(len(during)),
                "accepted, all found": float(len(outcome.accepted)),
                "refused, none found": float(len(outcome.refused) + len(outcome.refused_batches) * BATCH),
            },
        ),
    ]


def _workers() -> list[psutil.Process]:
    """Find the server's worker processes: children of `serve`, apart from multiprocessing's helper."""
    everybody = psutil.Process().children(recursive=True)
    servers = [each for each in everybody if "serve" in each.cmdline()]
    found = [child for server in servers for child in server.children()]
    return [child for child in found if "resource_tracker" not in " ".join(child.cmdline())]


def _take_away(bench: Stand, seconds: float, how: str) -> float:
    """Stop or freeze the broker for so long; the moment at which it was back."""
    broker = bench.broker
    if broker is None or broker.pid is None:
        raise RuntimeError("the stand has no broker of its own")
    if how == "freeze":
        process = psutil.Process(broker.pid)
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
        return time.monotonic()
    broker.kill()
    time.sleep(seconds)
    broker.start()
    return time.monotonic()


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - a claim and what is said when it is false
    if not holds:
        raise RuntimeError(otherwise)


def _ids(bench: Stand) -> set[str]:
    """Read the ids of all events in the topic."""
    consumer = build_consumer(bench.bootstrap_servers, "bench", max_poll_records=10_000, auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(bench.topic, number) for number in consumer.partitions_for_topic(bench.topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: set[str] = set()
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(3_000).values():
                found |= {json.loads(record.value)["id"] for record in batch}
        return found
    finally:
        consumer.close()


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long Kafka is away.")
@click.option("--how", type=click.Choice(["stop", "freeze"]), default="stop", show_default=True)
def main(seconds: float, how: str) -> None:
    """Take Kafka away under full load, on a stand of its own."""
    with tempfile.TemporaryDirectory(prefix="contact-events-outage-") as directory, stand(Path(directory)) as bench:
        click.echo(HEADER)
        for figure in kafka_away(bench, seconds, how):
            click.echo(figure.row())


if __name__ == "__main__":
    main()
