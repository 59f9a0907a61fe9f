"""A rebuild against one live projector, and what a rebuild held to a rate does to the readers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.load import get, run_load
from bench.posts import THREADS, WORKERS, create_contacts, expect_only
from bench.projection import (
    EVENTS_PER_SECOND_OF_MEASURING,
    clear_projection,
    follow,
    produce_events,
    projected_rate,
    rate_of,
)
from bench.reads import LIMIT
from bench.report import Figure
from projector.housekeeping import NEW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.load import Load
    from bench.stand import Stand

READERS = 8
"""Few enough for the machine to have time left: the question is what the rebuild adds."""

HELD_TO = 5_000


def rebuild_rate(bench: Stand, count: int) -> float:
    """Fold the whole topic into a set of its own, and drop it; events/s, from when something is written, as live."""
    with bench.connect() as connection:
        connection.execute("CHECKPOINT")  # as before the live one
    with rebuilding(bench):
        commits = list(follow(bench, count, 300, NEW))
    return rate_of(commits)


def rebuilds(bench: Stand, seconds: float) -> list[Figure]:
    """Measure both."""
    count = int(EVENTS_PER_SECOND_OF_MEASURING * seconds)
    bench.new_topic("bench-rebuild")
    clear_projection(bench)
    with bench.server("ingest") as port:
        contacts = create_contacts(bench, port)
    produce_events(bench, count, contacts)
    live = projected_rate(bench, count)
    rebuilt = rebuild_rate(bench, count)
    usual, beside = reads_beside_a_rebuild(bench, contacts, seconds)
    return [
        Figure("rebuild", "events/s", rebuilt, live, "one live projector, events/s", 1.0, {"events": f"{count:,}"}),
        Figure(
            f"read p99 during a rebuild at {HELD_TO:,}/s",
            "ms",
            beside.percentile(0.99),
            usual.percentile(0.99),
            "read p99 without it, ms",
            notes={"goal": "at most 2.00", "p50 ms": beside.percentile(0.5), "usual p50 ms": usual.percentile(0.5)},
        ),
    ]


def reads_beside_a_rebuild(bench: Stand, contacts: list[int], seconds: float) -> tuple[Load, Load]:
    """Read first pages without and with a rebuild of the same topic beside it."""
    with bench.server("all", WORKERS, THREADS) as port, bench.projector():

        def request(number: int) -> bytes:
            contact = contacts[(number * 7919) % len(contacts)]
            return get(f"/api/v1/contacts/{contact}/events?limit={LIMIT}", bench.api_key)

        run_load(port, request, connections=READERS, seconds=seconds / 4)
        usual = expect_only(run_load(port, request, connections=READERS, seconds=seconds), 200)
        with rebuilding(bench, "--rate", str(HELD_TO)) as process:
            beside = expect_only(run_load(port, request, connections=READERS, seconds=seconds), 200)
            if process.poll() is not None:
                raise RuntimeError("the rebuild ended before the reads did; its log is in the stand's folder")
    return usual, beside


@contextmanager
def rebuilding(bench: Stand, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `projector rebuild`, interrupt it before it comes to its end, and drop what it has made."""
    command = [sys.executable, "-m", "cli", "projector", "rebuild"]
    with (bench.directory / "rebuild.log").open("ab") as log:
        environment = bench.environment()
        process = subprocess.Popen([*command, *options], cwd=bench.directory, env=environment, stdout=log, stderr=log)
        try:
            _wait_for_set(bench)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    subprocess.run([*command, "--abandon"], cwd=bench.directory, env=bench.environment(), check=True)


def _wait_for_set(bench: Stand) -> None:
    deadline = time.monotonic() + 30
    with bench.connect() as connection:
        while time.monotonic() < deadline:
            row = connection.execute("SELECT to_regclass(%s)", [f"{NEW}.positions"]).fetchone()
            if row and row[0]:
                done = connection.execute(f"SELECT coalesce(sum(read), 0) FROM {NEW}.positions").fetchone()
                if done and done[0]:
                    return
            time.sleep(0.1)
    raise TimeoutError("the rebuild did not begin within 30 seconds")
