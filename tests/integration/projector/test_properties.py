"""Properties of event names in the tables: by type, with drift; an erasure leaves what the others say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from projector.sets import verify
from projector.settings import Settings
from projector.stretches import MOST
from runtime.postgres import connection_string
from schemas.partitioning import contact_partition

if TYPE_CHECKING:
    from tests.integration.projector.conftest import Log, Projection, Records

BY_TYPE = (
    "SELECT property, type, sum(count)::int, min(first_received_at), max(last_received_at) FROM event_properties"
    " WHERE name = 'plan_upgraded' GROUP BY property, type ORDER BY min(first_received_at), property"
)
SIZES = "SELECT min(smallest_bytes), max(largest_bytes) FROM event_names"


def test_drift_can_be_told(log: Log, records: Records, projection: Projection) -> None:
    first = records.event(17, properties='{"mrr_delta":50}')
    last = records.event(18, properties='{"mrr_delta":75.5}')
    drifted = records.event(19, properties='{"mrr_delta":"90","plan":"größer"}')
    log.append(first, last, drifted, records.event(17, first.id, properties='{"other":1}'))
    projection.catch_up()
    assert projection.rows(BY_TYPE) == [
        ("mrr_delta", "number", 2, first.received_at, last.received_at),
        ("mrr_delta", "string", 1, drifted.received_at, drifted.received_at),
        ("plan", "string", 1, drifted.received_at, drifted.received_at),
    ]
    assert projection.rows(SIZES) == [(len('{"mrr_delta":50}'), len(drifted.properties.encode()))]


def test_erased_events_leave_only_what_the_others_say(log: Log, records: Records, projection: Projection) -> None:
    gone = records.event(17, "gone", properties='{"mrr_delta":"a long text that nobody else has","canary":1}')
    first = records.event(17, properties='{"mrr_delta":50}')
    last = records.event(17, properties='{"mrr_delta":751}')
    log.append(gone, first, last, records.event_erased(17, "gone"))
    projection.catch_up()
    assert projection.rows(BY_TYPE) == [("mrr_delta", "number", 2, first.received_at, last.received_at)]
    assert projection.rows(SIZES) == [(len(first.properties), len(last.properties))]
    log.append(records.event_erased(17, first.id), records.event_erased(17, last.id))
    projection.catch_up()
    assert projection.rows("SELECT * FROM event_name_stretches") == []


def test_erased_contacts_leave_only_what_the_others_say(log: Log, records: Records, projection: Projection) -> None:
    home = contact_partition(1, 17, 3)
    neighbour = next(number for number in range(18, 100) if contact_partition(1, number, 3) == home)
    theirs = [records.event(neighbour, properties=f'{{"kept":{number}}}') for number in range(6)]
    log.append(records.event(17, properties='{"canary":"x","kept":1}'), *theirs[:3])
    log.append(records.event(17, properties='{"canary":"x","kept":1}'), *theirs[3:])
    log.append(records.event(17, name="only_here", properties='{"canary":1}'))
    log.append(records.contact_erased(17))
    projection.catch_up()
    kept = ("kept", "number", 6, theirs[0].received_at, theirs[-1].received_at)
    assert projection.rows(BY_TYPE) == [kept]
    assert projection.rows("SELECT name, count, others FROM event_name_stretches") == [("plan_upgraded", 6, 0)]
    assert projection.rows(SIZES) == [(len('{"kept":0}'), len('{"kept":0}'))]


def test_ids_as_property_names_do_not_fill_the_tables(
    log: Log, records: Records, projection: Projection, environment: dict[str, str]
) -> None:
    events = [records.event(17, properties=f'{{"id_{number}":1,"plan":"pro"}}') for number in range(MOST * 3)]
    log.append(*events)
    projection.catch_up(batch_size=37)
    assert projection.value("SELECT count(*) FROM event_properties") == MOST
    assert projection.rows("SELECT name, sum(count)::int FROM event_property_others GROUP BY 1") == [
        ("plan_upgraded", 2 * MOST + 1)
    ]
    log.append(records.event_erased(17, events[0].id))
    projection.catch_up()
    assert projection.value("SELECT count(*) FROM event_properties WHERE property = 'id_0'") == 0
    assert projection.value("SELECT count(*) FROM event_properties WHERE property = %s", f"id_{MOST - 1}") == 1
    assert projection.value("SELECT sum(count)::int FROM event_property_others") == 2 * MOST
    assert verify(Settings.read(environment), lambda _: None).differences == []


@pytest.mark.parametrize("workspace", ["1", "2", ""])
def test_readers_see_their_workspace_and_ingest_all(
    log: Log, records: Records, projection: Projection, environment: dict[str, str], workspace: str
) -> None:
    log.append(records.event(17, properties='{"plan":"pro"}'))
    projection.catch_up()
    url = environment["DATABASE_URL"]
    reader = connection_string(url, role="contact_events_query", schema="projection", application_name="tests")
    with psycopg.connect(reader) as connection:
        connection.execute("SELECT set_config('contact_events.workspace_id', %s, true)", [workspace])
        found = connection.execute("SELECT property FROM event_properties").fetchall()
        stretches = connection.execute("SELECT name FROM event_name_stretches").fetchall()
    assert (found, stretches) == (([("plan",)], [("plan_upgraded",)]) if workspace == "1" else ([], []))
    ingest = connection_string(url, role="contact_events_ingest", schema="write_side", application_name="tests")
    with psycopg.connect(ingest) as connection:
        known = "SELECT workspace_id, name, property, type, count FROM projection.known_properties"
        assert connection.execute(known).fetchall() == [(1, "plan_upgraded", "plan", "string", 1)]
