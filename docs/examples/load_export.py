"""Load a file of `contact-events topic export` into SQLite: `python load_export.py FILE DATABASE`.

Loading it again, or a later export into the same database, changes nothing but what is new; and what was erased in
between is taken out of the database too. Needs nothing but Python.
"""  # noqa: INP001 - a program by itself

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(__file__).with_name("events.sql")

INSERT = """
INSERT OR IGNORE INTO records VALUES
(:partition, :offset, :source, :subject, :type, :id, :time, :receivedat, :data)
"""

FORGET = """
DELETE FROM records
WHERE type IN ('contact.event.recorded.v1', 'contact.created.v1', 'contact.updated.v1') AND EXISTS (
    SELECT 1 FROM erasures
    WHERE erasures.source = records.source AND erasures.subject = records.subject
      AND (erasures.event_id IS NULL OR (records.type = 'contact.event.recorded.v1' AND erasures.event_id = records.id))
)
"""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the records; tombstones and what is no CloudEvent are left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            value = record["value"]
            if value and value.get("specversion") == "1.0":
                data = json.dumps(value.get("data"), ensure_ascii=False)
                optional = {"subject": value.get("subject"), "receivedat": value.get("receivedat")}
                yield {"partition": record["partition"], "offset": record["offset"], **value, **optional, "data": data}


def main(file: Path, database: Path) -> None:
    """Load."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        connection.executemany(INSERT, rows(file))
        connection.execute(FORGET)
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    sys.stdout.write(f"{events} events\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
