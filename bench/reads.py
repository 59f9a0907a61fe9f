"""Timeline pages/s and sidebar answers/s through the API against pgbench on a page's statement, in the same role."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from bench.load import get, run_load
from bench.posts import THREADS, WORKERS, create_contacts, expect_only
from bench.projection import clear_projection
from bench.report import Figure
from cli.stack.postgres import programs
from query.timeline_statements import OLDER

if TYPE_CHECKING:
    from bench.stand import Stand

EVENTS_PER_CONTACT = 100
LIMIT = 50
CLIENTS = 32


def fill(bench: Stand, contacts: list[int]) -> None:
    """Give each contact a timeline, straight into the table: what is measured is reading."""
    with bench.connect() as connection:
        connection.execute(
            "INSERT INTO timeline SELECT %(workspace)s, contact, 'bench-' || number, 'plan_upgraded',"
            " timestamptz '2026-01-01Z' + number * interval '37 minutes', timestamptz '2026-01-01Z' + number * interval"
            ' \'37 minutes\', \'{"from_plan":"starter","to_plan":"pro","mrr_delta":50,"source":"checkout"}\','
            " gen_random_uuid(), 0, contact * 1000 + number"
            " FROM unnest(%(contacts)s::bigint[]) AS contact, generate_series(1, %(events)s) AS number",
            {"workspace": bench.workspace_id, "contacts": contacts, "events": EVENTS_PER_CONTACT},
        )
        connection.execute("VACUUM (ANALYZE) timeline")


def pgbench_rate(bench: Stand, contacts: list[int], seconds: float) -> float:
    """Run the page's statement under pgbench: the same role, the same row-level security, the same bounds."""
    values = {
        "workspace_id": str(bench.workspace_id),
        "contact_id": ":contact",
        "before_at": "timestamptz '9999-12-31 00:00Z'",
        "before_offset": "9223372036854775807",
        "occurred_from": "timestamptz '0001-01-02 00:00Z'",
        "limit": str(LIMIT + 1),
    }
    statement = re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], " ".join(OLDER.split()))
    script = bench.directory / "page.sql"
    script.write_text(f"\\set contact random({min(contacts)}, {max(contacts)})\n{statement};\n", encoding="utf-8")
    options = (
        f"-c role=contact_events_query -c search_path=projection -c contact_events.workspace_id={bench.workspace_id}"
    )
    command = [
        str(programs() / "pgbench"),
        "-n",
        "-M",
        "prepared",
        "-c",
        str(CLIENTS),
        "-j",
        "2",
        "-T",
        str(int(seconds)),
    ]
    done = subprocess.run(
        [*command, "-f", str(script), bench.database_url],
        env={"PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"tps = ([0-9.]+)", done.stdout)
    if match is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(match[1])


def timeline_reads(bench: Stand, seconds: float) -> list[Figure]:
    """Measure first pages of random contacts."""
    clear_projection(bench)
    bench.new_topic("bench-reads")
    with bench.server("all", WORKERS, THREADS) as port, bench.projector():
        contacts = create_contacts(bench, port)
        fill(bench, contacts)

        def request(number: int) -> bytes:
            contact = contacts[(number * 7919) % len(contacts)]
            return get(f"/api/v1/contacts/{contact}/events?limit={LIMIT}", bench.api_key)

        run_load(port, request, connections=CLIENTS, seconds=seconds / 4)
        load = expect_only(run_load(port, request, connections=CLIENTS, seconds=seconds), 200)

        def sidebar(number: int) -> bytes:
            contact = contacts[(number * 7919) % len(contacts)]
            return get(f"/api/v1/contacts/{contact}/sidebar", bench.api_key)

        sidebars = expect_only(run_load(port, sidebar, connections=CLIENTS, seconds=seconds), 200)
    baseline = pgbench_rate(bench, contacts, seconds)
    return [
        Figure(
            "timeline pages as JSON",
            "pages/s",
            load.rate,
            baseline,
            "pgbench, same statement/s",
            0.20,
            {"p50 ms": load.percentile(0.5), "p99 ms": load.percentile(0.99)},
        ),
        Figure(
            "sidebar answers as JSON",
            "answers/s",
            sidebars.rate,
            baseline,
            "pgbench, a page's statement/s",
            0.5 * load.rate / baseline,  # no less than half of what a page reaches
            {"p50 ms": sidebars.percentile(0.5), "p99 ms": sidebars.percentile(0.99)},
        ),
    ]
