"""From the ack of an event to its being visible on the timeline, at 1,000 events a second."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from bench.load import run_load
from bench.posts import create_contacts, expect_only, single_request
from bench.projection import clear_projection
from bench.report import Figure
from schemas.positions import Position

if TYPE_CHECKING:
    from bench.stand import Stand

RATE = 1_000


class Listener(threading.Thread):
    """Notes when each partition's commits become visible: the projector notifies in the transaction that applies."""

    def __init__(self, bench: Stand) -> None:
        super().__init__(daemon=True)
        self.commits: dict[int, list[tuple[int, float]]] = {}
        self._connection = bench.connect()
        self._connection.execute("LISTEN projection")
        self._over = threading.Event()

    def run(self) -> None:
        """Collect until stopped."""
        while not self._over.is_set():
            for notification in self._connection.notifies(timeout=0.2):
                seen = time.perf_counter()
                _, partition, next_offset = (int(part) for part in notification.payload.split(":"))
                self.commits.setdefault(partition, []).append((next_offset, seen))

    def committed(self, position: Position, seconds: float = 10) -> float:
        """Wait until the record at a position is committed; tell when it was."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for next_offset, seen in self.commits.get(position.partition, []):
                if next_offset > position.offset:
                    return seen
            time.sleep(0.01)
        raise TimeoutError("the projector did not commit an event")

    def stop(self) -> None:
        """End the thread and its connection."""
        self._over.set()
        self.join()
        self._connection.close()


def ack_to_visible(bench: Stand, seconds: float) -> list[Figure]:
    """Measure it with server and projector running side by side."""
    bench.new_topic("bench-latency")
    acks: list[tuple[int, int, float]] = []

    def keep(moment: float, answer: bytes) -> None:
        position = Position.decode(json.loads(answer)["position"])
        acks.append((position.partition, position.offset, moment))

    clear_projection(bench)
    with bench.server("ingest") as port, bench.projector():
        contacts = create_contacts(bench, port)
        run_load(port, single_request(bench, contacts, "warm"), connections=32, seconds=2, rate=RATE)
        listener = Listener(bench)
        listener.start()
        load = run_load(
            port,
            single_request(bench, contacts, "latency"),
            connections=64,
            seconds=seconds,
            rate=RATE,
            on_answer=keep,
        )
        expect_only(load, 202)
        _wait_for_all(listener, acks)
        listener.stop()
    waits = sorted(_waits(listener, acks))
    return [
        Figure(
            f"ack to visible at {RATE:,}/s, p50",
            "ms",
            waits[len(waits) // 2] * 1_000,
            notes={
                "p99 ms": waits[int(len(waits) * 0.99)] * 1_000,
                "events": str(len(waits)),
                "goal": "p50 under 25 ms, p99 under 150 ms",
            },
        )
    ]


def _wait_for_all(listener: Listener, acks: list[tuple[int, int, float]]) -> None:
    last: dict[int, int] = {}
    for partition, offset, _ in acks:
        last[partition] = max(offset, last.get(partition, -1))
    deadline = time.monotonic() + 30
    while any((listener.commits.get(p) or [(0, 0.0)])[-1][0] <= offset for p, offset in last.items()):
        if time.monotonic() > deadline:
            raise TimeoutError("the projector did not catch up within 30 seconds")
        time.sleep(0.05)


def _waits(listener: Listener, acks: list[tuple[int, int, float]]) -> list[float]:
    waits = []
    for partition, offset, acked in acks:
        seen = next(moment for next_offset, moment in listener.commits[partition] if next_offset > offset)
        waits.append(max(seen - acked, 0.0))  # visible before the caller had its answer counts as no wait
    return waits
