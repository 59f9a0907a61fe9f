"""The profile page of a contact with 10,000 events in a real browser: when it is painted, what it transfers."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from bench.posts import THREADS, WORKERS, create_contacts
from bench.projection import clear_projection
from bench.report import Figure
from query.sessions import COOKIE, Sessions
from tests.lanes import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from bench.stand import Stand

EVENTS = 10_000
LOADS = 9
LIMIT_MS = 1_000
LIMIT_KB = 150
_MEASURED = """() => {
  const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return [paint?.startTime, entries.reduce((sum, entry) => sum + entry.transferSize, 0)];
}"""


def profile_page(bench: Stand, seconds: float) -> list[Figure]:
    """Open the page with an empty cache, several times; nothing where there is no Chromium."""
    del seconds  # counted in loads
    if chromium() is None:
        return []
    from tests.browser.chromium import launch  # noqa: PLC0415 - the bench runs without a browser too

    clear_projection(bench)
    bench.new_topic("bench-pages")
    with bench.server("all", WORKERS, THREADS) as port, bench.projector(), launch() as browser:
        contact = create_contacts(bench, port, 1)[0]
        _fill(bench, contact)
        loads = [_load(browser, bench, port, contact) for _ in range(LOADS)]
    notes: dict[str, float | str] = {"slowest ms": max(paint for paint, _ in loads), "limit ms": LIMIT_MS}
    notes |= {"kB transferred": max(size for _, size in loads) / 1_000, "limit kB": LIMIT_KB}
    return [Figure("profile of 10,000 events, painted", "ms", median(paint for paint, _ in loads), notes=notes)]


def _fill(bench: Stand, contact: int) -> None:
    """Spread the events over the last ninety days, of ten names, straight into the tables."""
    with bench.connect() as connection:
        connection.execute(
            """
            INSERT INTO timeline (workspace_id, contact_id, event_id, name, occurred_at, received_at, properties,
                                  record_id, log_partition, log_offset)
            SELECT workspace_id, contact_id, 'bench-' || number, 'event_' || number %% 10,
                   now() - number * interval '12 minutes', now() - number * interval '12 minutes',
                   '{"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50, "source": "checkout"}',
                   gen_random_uuid(), log_partition, 1000 + %(events)s - number
            FROM contacts, generate_series(1, %(events)s) AS number
            WHERE workspace_id = %(workspace)s AND contact_id = %(contact)s
            """,
            {"workspace": bench.workspace_id, "contact": contact, "events": EVENTS},
        )
        connection.execute(
            """
            INSERT INTO contact_event_names (workspace_id, contact_id, name, log_partition, count, first_occurred_at,
                                             last_occurred_at, first_received_at, last_received_at)
            SELECT workspace_id, contact_id, name, min(log_partition), count(*), min(occurred_at),
                   max(occurred_at), min(received_at), max(received_at)
            FROM timeline WHERE contact_id = %(contact)s GROUP BY 1, 2, 3
            """,
            {"contact": contact},
        )
        connection.execute("VACUUM (ANALYZE) timeline")


def _load(browser: Browser, bench: Stand, port: int, contact: int) -> tuple[float, float]:
    """Open the page as a reader who has never been here; milliseconds to the first paint, bytes transferred."""
    address = f"http://127.0.0.1:{port}"
    sessions = Sessions(bench.environment()["SECRET_KEY"], lambda: datetime.now(UTC))
    _, cookie = sessions.open(sessions.sign_in_link(address, bench.workspace_id).partition("#")[2])
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/contacts/{contact}", wait_until="load")
    page.locator(".event").first.wait_for(state="attached")
    page.wait_for_timeout(500)  # what the scripts fetch counts too
    paint, size = page.evaluate(_MEASURED)
    context.close()
    return float(paint), float(size)
