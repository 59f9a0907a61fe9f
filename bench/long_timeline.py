"""Pages of a contact with a million events against the same pages of one with ten: the cost of a page must not grow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bench.load import Load, get, run_load
from bench.posts import WORKERS, create_contacts, expect_only
from bench.projection import NAMES, clear_projection
from bench.report import Figure
from bench.stand import SECRET_KEY
from query.cursors import Cursor, CursorSigner
from schemas.times import format_time

if TYPE_CHECKING:
    from bench.stand import Stand

FEW, MANY = 10, 1_000_000
THREADS = 8
END = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Timeline:
    """A contact and its number of events, one a second up to END."""

    contact: int
    events: int

    @property
    def middle(self) -> datetime:
        return END - timedelta(seconds=self.events // 2)


def fill(bench: Stand, timeline: _Timeline) -> None:
    """Write the events straight into the tables: what is measured is reading."""
    with bench.connect() as connection:
        connection.execute(
            """
            INSERT INTO timeline
            SELECT %(workspace)s, %(contact)s, 'bench-' || number, (%(names)s::text[])[1 + number %% %(kinds)s],
                   %(end)s - number * interval '1 second', %(end)s - number * interval '1 second',
                   '{"from_plan":"starter","to_plan":"pro","mrr_delta":50,"source":"checkout"}', gen_random_uuid(), 0,
                   %(contact)s::bigint * 10000000 - number
            FROM generate_series(0, %(events)s - 1) AS number
            """,
            {
                "workspace": bench.workspace_id,
                "contact": timeline.contact,
                "names": list(NAMES),
                "kinds": len(NAMES),
                "end": END,
                "events": timeline.events,
            },
        )
        connection.execute(
            "INSERT INTO contact_event_names SELECT workspace_id, contact_id, name, 0, count(*), min(occurred_at),"
            " max(occurred_at), min(received_at), max(received_at) FROM timeline WHERE contact_id = %(contact)s"
            " GROUP BY workspace_id, contact_id, name",
            {"contact": timeline.contact},
        )


def compare(port: int, paths: tuple[bytes, bytes], seconds: float) -> tuple[Load, Load]:
    """Ask for both in turn over one connection, so that whatever disturbs one disturbs the other."""
    both = expect_only(run_load(port, lambda number: paths[number % 2], connections=1, seconds=seconds), 200)
    few, many = Load(both.seconds, both.latencies[::2]), Load(both.seconds, both.latencies[1::2])
    return few, many


def long_timeline(bench: Stand, seconds: float) -> list[Figure]:
    """Measure each kind of page."""
    clear_projection(bench)
    bench.new_topic("bench-long-timeline")
    with bench.server("all", WORKERS, THREADS) as port, bench.projector():
        contacts = create_contacts(bench, port, 2)
        few, many = _Timeline(contacts[0], FEW), _Timeline(contacts[1], MANY)
        for timeline in (few, many):
            fill(bench, timeline)
        with bench.connect() as connection:
            connection.execute("VACUUM (ANALYZE) timeline")
            connection.execute("CHECKPOINT")
        figures = []
        for kind in ("first page", "deep page", "page of one name", "page of a time range"):
            paths = (_request(bench, few, kind), _request(bench, many, kind))
            compare(port, paths, 0.5)
            small, large = compare(port, paths, seconds)
            figures.append(
                Figure(
                    f"a million events, {kind}",
                    "ms p99",
                    large.percentile(0.99),
                    small.percentile(0.99),
                    "ms p99, ten events",
                    notes={
                        "p50 ms": large.percentile(0.5),
                        "of ten, p50 ms": small.percentile(0.5),
                        "pages": f"{len(large.latencies):,}",
                        "goal": "at most 2.00",
                    },
                )
            )
    return figures


def _request(bench: Stand, timeline: _Timeline, kind: str) -> bytes:
    query: dict[str, str] = {}
    if kind == "deep page":
        cursor = Cursor("older", timeline.middle, 2**62)
        signer = CursorSigner(SECRET_KEY)
        query["cursor"] = signer.encode(cursor, f"{bench.workspace_id}/{timeline.contact}") or ""
    elif kind == "page of one name":
        query["name"] = NAMES[1]
    elif kind == "page of a time range":
        query["from"] = format_time(timeline.middle - timedelta(seconds=200))
        query["before"] = format_time(timeline.middle)
    return get(f"/api/v1/contacts/{timeline.contact}/events?{urlencode(query)}", bench.api_key)
