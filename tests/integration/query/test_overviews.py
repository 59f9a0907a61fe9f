from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from query import summary
from tests.integration.query.rows import NOON

if TYPE_CHECKING:
    import pytest
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

RANGE = {"from": "2026-06-01T00:00:00Z", "before": "2026-07-01T00:00:00Z"}


def test_totals_per_name(client: FlaskClient, rows: Rows) -> None:
    contact, other = rows.contact(), rows.contact()
    rows.events(contact, 3, "feature_enabled")
    rows.event(contact, "charge_failed", NOON - timedelta(days=2))
    rows.event(other, "charge_failed")

    document = client.get(f"/api/v1/contacts/{contact}/event-summary").get_json()

    assert document["total"] == 4
    assert document["data"] == [
        {
            "name": "feature_enabled",
            "shown_as": "feature_enabled",
            "hidden": False,
            "count": 3,
            "first_occurred_at": "2026-06-07T12:00:00Z",
            "last_occurred_at": "2026-06-07T12:02:00Z",
        },
        {
            "name": "charge_failed",
            "shown_as": "charge_failed",
            "hidden": False,
            "count": 1,
            "first_occurred_at": "2026-06-05T12:00:00Z",
            "last_occurred_at": "2026-06-05T12:00:00Z",
        },
    ]


def test_a_day_is_a_day_of_the_reader(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact, "a", NOON.replace(hour=23))  # 2026-06-08 01:00 in Berlin
    rows.event(contact, "b", NOON.replace(hour=2))
    path = f"/api/v1/contacts/{contact}/event-summary"

    utc = client.get(path, query_string=RANGE).get_json()["histogram"]
    berlin = client.get(path, query_string=RANGE | {"time_zone": "Europe/Berlin"}).get_json()["histogram"]
    los_angeles = client.get(path, query_string=RANGE | {"time_zone": "America/Los_Angeles"}).get_json()["histogram"]

    assert utc["days"] == [{"day": "2026-06-07", "count": 2, "names": {"a": 1, "b": 1}}]
    assert [day["day"] for day in berlin["days"]] == ["2026-06-07", "2026-06-08"]
    assert [day["day"] for day in los_angeles["days"]] == ["2026-06-06", "2026-06-07"]
    assert (berlin["time_zone"], berlin["counted_back_to"]) == ("Europe/Berlin", None)


def test_a_histogram_of_some_names(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact, "a")
    rows.event(contact, "b")

    query = RANGE | {"name": "b"}
    document = client.get(f"/api/v1/contacts/{contact}/event-summary", query_string=query).get_json()

    assert document["histogram"]["days"] == [{"day": "2026-06-07", "count": 1, "names": {"b": 1}}]


def test_a_histogram_looks_at_so_many_events_and_says_so(
    client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "MOST_COUNTED", 10)
    contact = rows.contact()
    rows.events(contact, 15)

    document = client.get(f"/api/v1/contacts/{contact}/event-summary", query_string=RANGE).get_json()

    assert document["histogram"]["days"] == [{"day": "2026-06-07", "count": 10, "names": {"feature_enabled": 10}}]
    assert document["histogram"]["counted_back_to"] == "2026-06-07T12:05:00Z"


def test_a_range_of_more_than_a_year_is_a_fault(client: FlaskClient, rows: Rows) -> None:
    query = {"from": "2020-01-01T00:00:00Z", "before": "2026-01-01T00:00:00Z", "time_zone": "Europe/Atlantis"}

    answer = client.get(f"/api/v1/contacts/{rows.contact()}/event-summary", query_string=query)

    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.get_json()["errors"]} == {"before", "time_zone"}


def test_the_sidebar_has_all_in_one_answer(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact(name="Ada")
    old = rows.event(contact, "trial_started", NOON - timedelta(days=8))
    explains = rows.event(contact, "charge_failed", NOON - timedelta(hours=2))
    after = rows.event(contact, "plan_upgraded", NOON)

    query = {"conversation_id": "c1", "conversation_started_at": "2026-06-07T12:00:00Z"}
    document = client.get(f"/api/v1/contacts/{contact}/sidebar", query_string=query).get_json()

    assert document["contact"]["name"] == "Ada"
    assert document["conversation"] == {"id": "c1", "started_at": "2026-06-07T12:00:00Z"}
    assert [event["id"] for event in document["before_conversation"]] == [explains]
    assert [event["id"] for event in document["events"]] == [after, explains, old]
    assert document["position"] == rows.position.encode()


def test_without_a_conversation_there_is_no_before(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.events(contact, 12)

    document = client.get(f"/api/v1/contacts/{contact}/sidebar").get_json()

    assert (document["conversation"], document["before_conversation"]) == (None, None)
    assert len(document["events"]) == 10


def test_the_catalogue_adds_up_the_workspace(stranger: FlaskClient, other_workspace: int, rows: Rows) -> None:
    contact, other = rows.contact(workspace_id=other_workspace), rows.contact(workspace_id=other_workspace)
    rows.event(contact, "b", workspace_id=other_workspace)
    rows.event(other, "b", workspace_id=other_workspace)
    rows.event(other, "a", workspace_id=other_workspace)
    rows.event(rows.contact(), "b")

    document = stranger.get("/api/v1/event-names").get_json()

    assert [(name["name"], name["count"]) for name in document["data"]] == [("a", 1), ("b", 2)]
