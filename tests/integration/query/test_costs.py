"""A page costs the same on a contact with ten events and with very many: told by the blocks that each read touches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from query.changes import Stretch, new_events
from query.contact_filters import ContactFilter, DataFilter, filtered_contacts
from query.cursors import Cursor
from query.history import change_page
from query.timeline import Filters, find_event, timeline_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    from query.reading import Reading
    from tests.integration.query.rows import Rows

MANY = 60_000
START = datetime(2026, 1, 1, tzinfo=UTC)


class Explaining:
    """A connection that has every statement explained, with what it really did, before it runs."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.plans: list[dict[str, Any]] = []

    def execute(self, statement: str, parameters: dict[str, Any]) -> psycopg.Cursor[Any]:
        explained = self._connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}",
            parameters,
        ).fetchone()
        assert explained is not None
        self.plans.append(explained[0][0]["Plan"])
        return self._connection.execute(statement, parameters)

    @property
    def buffers(self) -> int:
        return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in self.plans)

    def nodes(self) -> Iterator[dict[str, Any]]:
        waiting = list(self.plans)
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])


@pytest.fixture(scope="module")
def contacts(database_url: str, rows: Rows) -> tuple[int, int]:
    """Make a contact with ten events and one with very many, two of which have a rare name."""
    few, many = rows.contact(), rows.contact()
    with psycopg.connect(database_url, autocommit=True) as owner:
        for contact, how_many, offset in ((few, 10, 1_000), (many, MANY, 2_000)):
            owner.execute(
                """
                INSERT INTO projection.timeline
                SELECT %(workspace)s, %(contact)s, 'e' || i,
                       CASE WHEN i IN (3, 7) THEN 'rare' ELSE 'common_' || i %% 4 END,
                       %(start)s + i * interval '1 minute', now(), '{"plan": "pro"}', gen_random_uuid(), 0,
                       %(offset)s + i
                FROM generate_series(1, %(many)s) AS i
                """,
                {
                    "workspace": rows.workspace_id,
                    "contact": contact,
                    "start": START,
                    "many": how_many,
                    "offset": offset,
                },
            )
        owner.execute(
            "INSERT INTO projection.contact_event_names SELECT workspace_id, contact_id, name, 0, count(*),"
            " min(occurred_at), max(occurred_at), min(received_at), max(received_at)"
            " FROM projection.timeline GROUP BY 1, 2, 3"
        )
        owner.execute("VACUUM ANALYZE projection.timeline")
        owner.execute("VACUUM ANALYZE projection.contact_event_names")
    return few, many


def middle(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


READS: dict[str, Callable[[Any, int, int], object]] = {
    "first page": timeline_page,
    "deep page": lambda c, w, contact: timeline_page(c, w, contact, cursor=Cursor("older", middle(60), 0)),
    "back from deep": lambda c, w, contact: timeline_page(c, w, contact, cursor=Cursor("newer", middle(5), 0)),
    "one rare name": lambda c, w, contact: timeline_page(c, w, contact, filters=Filters(names=("rare",))),
    "one common name": lambda c, w, contact: timeline_page(c, w, contact, filters=Filters(names=("common_1",))),
    "prefix": lambda c, w, contact: timeline_page(c, w, contact, filters=Filters(name_prefix="common")),
    "without most": lambda c, w, contact: timeline_page(
        c, w, contact, filters=Filters(without=("common_0", "common_1", "common_2", "common_3"))
    ),
    "without one": lambda c, w, contact: timeline_page(c, w, contact, filters=Filters(without=("common_1",))),
    "old range": lambda c, w, contact: timeline_page(
        c, w, contact, filters=Filters(occurred_from=START, occurred_before=middle(50))
    ),
    "one event": lambda c, w, contact: find_event(c, w, contact, "e5"),
    "what is new": lambda c, w, contact: new_events(c, w, [contact], Stretch(0, 1_001, 1_020)),
}


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])  # the server comes to prefer the second
@pytest.mark.parametrize("read", READS)
def test_a_read_costs_the_same_however_long_the_timeline(
    reading: Reading, rows: Rows, contacts: tuple[int, int], read: str, plan: str
) -> None:
    touched = []
    for contact in contacts:
        with reading(rows.workspace_id) as connection:
            connection.execute("SELECT set_config('plan_cache_mode', %s, true)", [plan])
            explaining = Explaining(connection)
            READS[read](explaining, rows.workspace_id, contact)
        touched.append(explaining.buffers)
        scans = [node for node in explaining.nodes() if node.get("Relation Name") == "timeline"]
        assert all(node["Node Type"] in {"Index Scan", "Index Only Scan"} for node in scans), scans
        assert all(node.get("Rows Removed by Filter", 0) <= 60 for node in scans), scans

    few, many = touched
    # Ten events are one block; fifty of a name may lie on a few dozen. The whole timeline has over a thousand.
    assert many <= few + (200 if read in {"prefix", "without one"} else 70), touched


def test_a_search_in_texts_touches_a_bounded_stretch(
    reading: Reading, rows: Rows, contacts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.timeline.STRETCH", 1_000)
    with reading(rows.workspace_id) as connection:
        explaining = Explaining(connection)
        page = timeline_page(explaining, rows.workspace_id, contacts[1], filters=Filters(text="nowhere"))  # type: ignore[arg-type]

    assert page.searched_back_to == START + timedelta(minutes=MANY - 999)
    scans = [node for node in explaining.nodes() if node.get("Relation Name") == "timeline"]
    assert [node["Actual Rows"] for node in scans] == [1_000]


def test_a_search_for_contacts_uses_its_index(database_url: str, rows: Rows) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO projection.contacts SELECT %s, 1000000 + i, 'bulk-' || i, NULL, 'Bulk ' || i, '{}', '{}',"
            " now(), now(), 0, 1000000 + i FROM generate_series(1, 20000) AS i",
            [rows.workspace_id],
        )
        owner.execute("VACUUM ANALYZE projection.contacts")
        owner.execute("SET ROLE contact_events_query")
        owner.execute("SET search_path TO projection")
        owner.execute("SELECT set_config('contact_events.workspace_id', %s::text, false)", [rows.workspace_id])
        table = owner.execute("SELECT relpages FROM pg_class WHERE oid = 'contacts'::regclass").fetchone()
        for _ in range(2):  # the first time the catalogue is read, too
            explained = owner.execute(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM search_contacts('bulk-777', 20)"
            ).fetchone()

    assert table is not None
    assert explained is not None
    plan = explained[0][0]["Plan"]
    assert (plan["Actual Rows"], table[0] > 200) == (11, True)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100


def test_a_page_of_changes_costs_the_same_however_many_there_are(
    reading: Reading, database_url: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.history.LOOKED_BACK", 100)
    contact = rows.contact()
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO projection.contact_updates SELECT %s, %s, 'u' || i, 'contact.updated.v1',"
            " %s, %s + i * interval '1 minute', gen_random_uuid(), 0,"
            " 5000000 + i FROM generate_series(1, 30000) AS i",
            [rows.workspace_id, contact, '{"profile": {}, "custom_data": {"n": 1}}', START],
        )
        owner.execute("VACUUM ANALYZE projection.contact_updates")
    for cursor in (None, Cursor("older", middle(20_000), 0), Cursor("newer", middle(20_000), 0)):
        with reading(rows.workspace_id) as connection:
            explaining = Explaining(connection)
            page = change_page(explaining, rows.workspace_id, contact, cursor=cursor)  # type: ignore[arg-type]
        assert len(page.changes) == 50
        assert explaining.buffers < 50, cursor


def test_filtered_contacts_touch_a_bounded_stretch(
    reading: Reading, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.contact_filters.STRETCH", 30)
    for _ in range(40):
        rows.contact()
    wanted = ContactFilter((DataFilter("nobody", "string", "has this"),), has_event=(("nothing",),))
    with reading(rows.workspace_id) as connection:
        explaining = Explaining(connection)
        page = filtered_contacts(explaining, rows.workspace_id, wanted)  # type: ignore[arg-type]

    assert (page.contacts, page.searched_back_to is not None) == ([], True)
    scans = [node for node in explaining.nodes() if node.get("Relation Name") == "contacts"]
    assert [node["Actual Rows"] for node in scans] == [30]
