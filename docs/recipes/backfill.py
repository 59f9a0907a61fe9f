"""A nightly backfill: yesterday's orders out of your database. `python backfill.py DATABASE [DAY]`, from cron.

Environment: BASE_URL, API_KEY. The ids come from the orders, so running it again, or for a day that was sent live as
well, doubles nothing. Ends with 1 when something was refused, so that cron tells you.
"""  # noqa: INP001 - a program by itself

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

from contact_events import Client, Outcome, Rejected

ORDERS = "SELECT id, shop, placed_at, total, currency FROM orders WHERE placed_at >= ? AND placed_at < ? ORDER BY id"


def main(database: str, day: str) -> int:
    """Send one day."""
    refused: list[Outcome] = []

    def delivered(outcome: Outcome) -> None:
        if isinstance(outcome, Rejected):
            refused.append(outcome)

    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    days = [moment.isoformat() for moment in (start, start + timedelta(days=1))]
    with (
        closing(sqlite3.connect(database)) as connection,
        Client(os.environ["BASE_URL"], os.environ["API_KEY"], on_delivery=delivered, block_when_full=60) as client,
    ):
        contacts: dict[str, int] = {}
        for id_, shop, placed_at, total, currency in connection.execute(ORDERS, days):
            contact_id = contacts.get(shop) or contacts.setdefault(shop, client.contact(external_id=shop))
            client.track(
                contact_id,
                "order_placed",
                {"total": total, "currency": currency},
                event_id=f"order-{id_}",
                occurred_at=datetime.fromisoformat(placed_at),
            )
        complete = client.flush(600)
    for outcome in refused:
        sys.stderr.write(f"{outcome}\n")
    return 0 if complete and not refused else 1


if __name__ == "__main__":
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else yesterday))  # noqa: PLR2004 - DATABASE and DAY
