"""The Python client: what `track` costs the app, and events/s delivered, against the bare endpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from bench.load import post, run_load
from bench.posts import THREADS, WORKERS, create_contacts, event_body, expect_only
from bench.report import Figure
from bench.stand import ROOT

if TYPE_CHECKING:
    from bench.stand import Stand

BATCH = 500
"""The client's own batch size."""


def endpoint_rate(bench: Stand, port: int, contact_id: int, seconds: float) -> float:
    """Measure the baseline: prepared batches, one on its way at a time as with the client; events/s."""

    def request(number: int) -> bytes:
        events = (
            b'{"contact_id":%d,%s' % (contact_id, event_body(index, "bare")[1:])
            for index in range(number * BATCH, (number + 1) * BATCH)
        )
        return post("/api/v1/events/batch", b'{"events":[' + b",".join(events) + b"]}", bench.api_key)

    run_load(port, request, connections=1, seconds=seconds / 4)
    return expect_only(run_load(port, request, connections=1, seconds=seconds), 202).rate * BATCH


def app_results(bench: Stand, port: int, contact_id: int, seconds: float) -> dict[str, Any]:
    """Run an app that tracks, as a process of its own."""
    url, folder = f"http://127.0.0.1:{port}", str(bench.directory / "spool")
    arguments = (url, bench.api_key, str(contact_id), str(seconds), folder)
    done = subprocess.run(
        [sys.executable, "-m", "bench.client_app", *arguments],
        env=bench.environment(PYTHONPATH=f"{ROOT}:{ROOT / 'sdk/python/src'}"),
        cwd=bench.directory,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def python_client(bench: Stand, seconds: float) -> list[Figure]:
    """Measure the client with its queue in memory and on disk."""
    bench.new_topic("bench-client")
    with bench.server("ingest", WORKERS, THREADS) as port:
        contact_id = create_contacts(bench, port, 1)[0]
        baseline = endpoint_rate(bench, port, contact_id, seconds)
        results = app_results(bench, port, contact_id, seconds)
    return [figure for kind in ("memory", "spool") for figure in _figures(kind, results, baseline)]


def _figures(kind: str, results: dict[str, Any], baseline: float) -> list[Figure]:
    found = results[kind]
    notes: dict[str, float | str] = {
        "p99 us": found["p99"],
        "processor us": found["processor"],
        "after a pause us": found["cold"],
        "json.dumps after a pause us": results["plain_cold"],
        "goal": "under 20 us",
    }
    return [
        Figure(f"client ({kind}), one track, p50", "us", found["p50"], notes=notes),
        Figure(
            f"client ({kind}), events taken",
            "events/s",
            found["taken"],
            results["plain"],
            "json.dumps of the same/s",
        ),
        Figure(
            f"client ({kind}), events delivered",
            "events/s",
            found["delivered"],
            baseline,
            f"endpoint, batches of {BATCH}, one by one",
        ),
    ]
