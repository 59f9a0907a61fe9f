"""An app that tracks: `python -m bench.client_app URL KEY CONTACT SECONDS FOLDER`. Prints what it measured, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from contact_events import Client

if TYPE_CHECKING:
    from collections.abc import Callable

PROPERTIES = {
    "from_plan": "starter",
    "to_plan": "pro",
    "mrr_delta": 50,
    "currency": "EUR",
    "seats": 12,
    "source": "checkout",
    "note": "upgraded from the billing page",
}


def plain_rate(seconds: float) -> float:
    """Measure the baseline: the same event as JSON into a list, and nothing else."""
    kept: deque[bytes] = deque()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(100):
            event = {"id": "x", "contact_id": 17, "name": "plan_upgraded", "properties": PROPERTIES}
            kept.append(json.dumps(event).encode())
        count += 100
    return count / (time.perf_counter() - began)


def spaced(work: Callable[[], object], seconds: float) -> float:
    """Time single calls a millisecond apart, when everything has gone cold; the median, microseconds."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        time.sleep(0.001)
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return sorted(took)[len(took) // 2] * 1e6


def burst(client: Client, contact_id: int, seconds: float) -> dict[str, float]:
    """Track as fast as possible for a time, then wait until all is delivered; events/s, and microseconds a `track`."""
    took: list[float] = []
    began, processor = time.perf_counter(), time.thread_time()
    until = began + seconds
    while (before := time.perf_counter()) < until:
        client.track(contact_id, "plan_upgraded", PROPERTIES)
        took.append(time.perf_counter() - before)
    taken = len(took) / (time.perf_counter() - began)
    processor = time.thread_time() - processor
    if not client.flush(300):
        raise RuntimeError(f"not delivered: {client.status()}")
    delivered = len(took) / (time.perf_counter() - began)
    if client.status().rejected:
        raise RuntimeError(f"rejected: {client.status()}")
    took.sort()
    return {
        "taken": taken,
        "delivered": delivered,
        "processor": processor / len(took) * 1e6,
        "p50": took[len(took) // 2] * 1e6,
        "p99": took[int(len(took) * 0.99)] * 1e6,
    }


def measure(url: str, key: str, contact_id: int, seconds: float, spool: Path | None) -> dict[str, float]:
    """Measure one kind of queue."""
    with Client(url, key, spool=spool, spool_bytes=2**31, queue_events=10**7, queue_bytes=2**31) as client:
        client.track(contact_id, "plan_upgraded")
        client.flush(60)
        cold = spaced(lambda: client.track(contact_id, "plan_upgraded", PROPERTIES), seconds / 4)
        return {"cold": cold, **burst(client, contact_id, seconds / 2)}


def main(url: str, key: str, contact: str, seconds: str, folder: str) -> None:
    """Measure both kinds of queue, and what they are compared with."""
    results = {
        "memory": measure(url, key, int(contact), float(seconds), None),
        "spool": measure(url, key, int(contact), float(seconds), Path(folder)),
        "plain": plain_rate(1.0),
        "plain_cold": spaced(lambda: json.dumps(PROPERTIES), 1.0),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
