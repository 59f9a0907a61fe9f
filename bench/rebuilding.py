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
    produce_events,
    projected_rate,
)
from bench.reads import LIMIT
from bench.report import Figure
from projector.housekeeping import NEW
from projector.sets import open_rebuild
from projector.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.load import Load
    from bench.stand import Stand

READERS = 8
"""Few enough for the machine to have time left: the question is what the rebuild adds."""

HELD_TO = 5_000


def rebuild_rate(bench: Stand) -> float:
    """Fold the whole topic into a set of its own, and drop it; events/s."""
    with open_rebuild(Settings.read(bench.environment()), NEW, lambda _: None) as rebuild:
        began = time.perf_counter()
        rebuild.catch_up()
        seconds = time.perf_counter() - began
        with bench.connect() as connection:
            row = connection.execute(f"SELECT sum(read) FROM {NEW}.positions").fetchone()
        rebuild.discard(NEW)
    assert row is not None
    return int(row[0]) / seconds


def rebuilds(bench: Stand, seconds: float) -> list[Figure]:
    """Measure both."""
    count = int(EVENTS_PER_SECOND_OF_MEASURING * seconds)
    bench.new_topic("bench-rebuild")
    clear_projection(bench)
    with bench.server("ingest") as port:
        contacts = create_contacts(bench, port)
    produce_events(bench, count, contacts)
    live = projected_rate(bench, count)
    rebuilt = rebuild_rate(bench)
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
        with rebuild_held_back(bench):
            beside = expect_only(run_load(port, request, connections=READERS, seconds=seconds), 200)
    return usual, beside


@contextmanager
def rebuild_held_back(bench: Stand) -> Iterator[None]:
    """Run `projector rebuild --rate`, which does not come to its end meanwhile, and drop what it has made."""
    command = [sys.executable, "-m", "cli", "projector", "rebuild", "--rate", str(HELD_TO)]
    with (bench.directory / "rebuild.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=bench.directory, env=bench.environment(), stdout=log, stderr=log)
        try:
            _wait_for_set(bench)
            yield
            if process.poll() is not None:
                raise RuntimeError("the rebuild ended before the reads did; its log is in the stand's folder")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    subprocess.run([*command[:-2], "--abandon"], cwd=bench.directory, env=bench.environment(), check=True)


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
