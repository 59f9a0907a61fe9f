"""Timeline pages/s and sidebar answers/s through the API against pgbench on the statement that a page sends."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from bench.load import get, run_load
from bench.posts import THREADS, WORKERS, create_contacts, expect_only
from bench.projection import clear_projection
from bench.report import ROUNDS, Figure, listed, middle
from cli.stack.postgres import programs
from query.places import with_position
from query.reading import declared
from query.timeline import ask_page
from query.timeline_statements import OLDER

if TYPE_CHECKING:
    from bench.load import Load
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


def statements(bench: Stand) -> tuple[str, str]:
    """Give the statement that a page is, as it is sent, and the bare one inside it; both for pgbench's `:contact`."""
    question = with_position(ask_page(bench.workspace_id, 0, limit=LIMIT))
    values = {name: repr(str(value)) for name, value in question.parameters.items() if not isinstance(value, list)}
    values |= {"workspace_id": str(bench.workspace_id), "contact_id": ":contact", "limit": str(LIMIT + 1)}

    def filled(statement: str) -> str:
        return re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], " ".join(statement.split()))

    return filled(declared(question.statement)), filled(OLDER)


def pgbench_rate(bench: Stand, contacts: list[int], statement: str, seconds: float) -> float:
    """Run a statement under pgbench: the same role, the same row-level security, the same settings."""
    script = bench.directory / "page.sql"
    script.write_text(f"\\set contact random({min(contacts)}, {max(contacts)})\n{statement};\n", encoding="utf-8")
    options = (
        f"-c role=contact_events_query -c search_path=projection -c contact_events.workspace_id={bench.workspace_id}"
        " -c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on"
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

        def ask(what: str, seconds: float) -> Load:
            def request(number: int) -> bytes:
                contact = contacts[(number * 7919) % len(contacts)]
                return get(f"/api/v1/contacts/{contact}/{what}", bench.api_key)

            return expect_only(run_load(port, request, connections=CLIENTS, seconds=seconds), 200)

        page = f"events?limit={LIMIT}"
        sent, bare = statements(bench)
        ask(page, seconds / 4)
        rounds = [
            (ask(page, seconds), ask("sidebar", seconds), pgbench_rate(bench, contacts, sent, seconds))
            for _ in range(ROUNDS)
        ]
        lighter = pgbench_rate(bench, contacts, bare, seconds)
    pages, sidebars, baseline = middle(rounds, lambda each: each[0].rate / each[2])
    return [
        Figure(
            "timeline pages as JSON",
            "pages/s",
            pages.rate,
            baseline,
            "pgbench, same statement/s",
            0.20,
            {
                "rounds": listed([pages.rate / baseline for pages, _, baseline in rounds]),
                "its bare statement/s": lighter,
                "p50 ms": pages.percentile(0.5),
                "p99 ms": pages.percentile(0.99),
            },
        ),
        Figure(
            "sidebar answers as JSON",
            "answers/s",
            sidebars.rate,
            baseline,
            "pgbench, a page's statement/s",
            0.5 * pages.rate / baseline,  # no less than half of what a page reaches
            {
                "rounds": listed([sidebars.rate / baseline for _, sidebars, baseline in rounds]),
                "p50 ms": sidebars.percentile(0.5),
                "p99 ms": sidebars.percentile(0.99),
            },
        ),
    ]
