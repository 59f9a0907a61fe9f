from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from query import timeline
from schemas.times import format_time
from tests.integration.query.rows import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows


def ids(document: dict[str, Any]) -> list[str]:
    return [event["id"] for event in document["data"]]


def walk(client: FlaskClient, path: str, direction: str = "next_cursor", **parameters: str) -> list[list[str]]:
    """Follow the cursors to the end; the ids page by page."""
    pages, cursor = [], parameters.pop("cursor", None)
    while True:
        document = client.get(path, query_string=parameters | ({"cursor": cursor} if cursor else {})).get_json()
        pages.append(ids(document))
        cursor = document[direction]
        if cursor is None:
            return pages


def flat(pages: list[list[str]]) -> list[str]:
    return [event_id for page in pages for event_id in page]


def test_events_come_newest_first_and_ties_later_in_the_log_first(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    first = rows.event(contact, occurred_at=NOON)
    second = rows.event(contact, occurred_at=NOON)
    late = rows.event(contact, occurred_at=NOON - timedelta(days=3), received_at=NOON)
    newest = rows.event(contact, occurred_at=NOON + timedelta(seconds=1))

    document = client.get(f"/api/v1/contacts/{contact}/events").get_json()

    assert ids(document) == [newest, second, first, late]
    assert [event["late"] for event in document["data"]] == [False, False, False, True]
    assert (document["next_cursor"], document["prev_cursor"]) == (None, None)


def test_numbers_and_texts_come_back_as_they_were_written(client: FlaskClient, rows: Rows) -> None:
    properties = (
        '{"mrr_delta": 50.10, "huge": 9007199254740993, "tiny": 1e-400, "zero": -0.0, "b": "é\\u2028", "a": {}}'
    )
    contact = rows.contact(custom_data='{"plan": "pro", "ratio": 1.50}')
    event = rows.event(contact, properties=properties)

    profile = client.get(f"/api/v1/contacts/{contact}").get_data(as_text=True)
    for path in ("events", f"events/{event}", "event-export", "sidebar"):
        assert properties in client.get(f"/api/v1/contacts/{contact}/{path}").get_data(as_text=True)
    assert '"custom_data":{"plan": "pro", "ratio": 1.50}' in profile


def test_the_shape_of_an_event(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    at = NOON + timedelta(microseconds=250_000)
    event = rows.event(contact, "plan_upgraded", at, properties='{"to_plan":"pro"}', received_at=NOON + timedelta(1))

    answer = client.get(f"/api/v1/contacts/{contact}/events/{event}")

    assert answer.get_json() == {
        "id": event,
        "contact_id": contact,
        "name": "plan_upgraded",
        "shown_as": "plan_upgraded",
        "hidden": False,
        "occurred_at": "2026-06-07T12:00:00.250000Z",
        "received_at": "2026-06-08T12:00:00Z",
        "late": False,
        "properties": {"to_plan": "pro"},
    }
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_forth_and_back_show_every_event_once(client: FlaskClient, rows: Rows, limit: int) -> None:
    contact, random = rows.contact(), Random(limit)
    events = [(random.randrange(12), number) for number in range(40)]  # many ties
    for minute, number in events:
        rows.event(contact, occurred_at=NOON + timedelta(minutes=minute), event_id=f"e{number}")
    expected = [f"e{number}" for _, number in sorted(events, reverse=True)]
    path = f"/api/v1/contacts/{contact}/events"

    forth = walk(client, path, limit=str(limit))

    assert flat(forth) == expected
    assert [len(page) for page in forth[:-1]] == [limit] * (len(forth) - 1)
    if len(forth) > 1:
        cursor = None
        for _ in forth[:-1]:
            parameters = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
            cursor = client.get(path, query_string=parameters).get_json()["next_cursor"]
        last = client.get(path, query_string={"limit": str(limit), "cursor": cursor}).get_json()
        back = walk(client, path, "prev_cursor", limit=str(limit), cursor=last["prev_cursor"])
        assert flat(back[::-1]) + forth[-1] == expected


def test_cursors_survive_late_arrivals(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    expected = rows.events(contact, 9)[::-1]
    path = f"/api/v1/contacts/{contact}/events"
    first = client.get(path, query_string={"limit": 3}).get_json()

    arrived_above = rows.event(contact, occurred_at=NOON + timedelta(hours=1))
    arrived_below = rows.event(contact, occurred_at=NOON + timedelta(seconds=30))

    rest = walk(client, path, limit="3", cursor=first["next_cursor"])
    assert flat(rest) == [*expected[3:8], arrived_below, expected[8]]
    second = client.get(path, query_string={"limit": 3, "cursor": first["next_cursor"]}).get_json()
    back = walk(client, path, "prev_cursor", limit="3", cursor=second["prev_cursor"])
    assert flat(back[::-1]) == [arrived_above, *expected[:3]]


def test_beyond_the_last_page_the_way_back_includes_it(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.events(contact, 2)
    path = f"/api/v1/contacts/{contact}/events"
    first = client.get(path, query_string={"limit": 1}).get_json()
    parameters = {"limit": 1, "cursor": first["next_cursor"], "from": format_time(NOON + timedelta(minutes=1))}

    empty = client.get(path, query_string=parameters).get_json()

    assert (empty["data"], empty["next_cursor"]) == ([], None)
    assert ids(client.get(path, query_string={"cursor": empty["prev_cursor"]}).get_json()) == ids(first)


class Placed(NamedTuple):
    minute: int
    number: int
    name: str
    text: str


FITTING: dict[str, tuple[dict[str, str], Callable[[Placed], bool]]] = {
    "one name": ({"name": "charge_failed"}, lambda e: e.name == "charge_failed"),
    "prefix": ({"name_prefix": "plan_"}, lambda e: e.name.startswith("plan_")),
    "like signs are letters": ({"name_prefix": "plan%"}, lambda _: False),
    "text": ({"text": "PRO"}, lambda e: "pro" in e.text),
    "text in name": ({"text": "charge_f"}, lambda e: e.name == "charge_failed"),
    "from": ({"from": format_time(NOON + timedelta(minutes=7))}, lambda e: e.minute >= 7),
    "before": ({"before": format_time(NOON + timedelta(minutes=7))}, lambda e: e.minute < 7),
    "range": (
        {"from": format_time(NOON + timedelta(minutes=3)), "before": format_time(NOON + timedelta(minutes=9))},
        lambda e: 3 <= e.minute < 9,
    ),
    "all together": (
        {
            "name_prefix": "plan",
            "text": "pro",
            "from": format_time(NOON + timedelta(minutes=2)),
            "before": format_time(NOON + timedelta(minutes=10)),
        },
        lambda e: e.name.startswith("plan") and "pro" in e.text and 2 <= e.minute < 10,
    ),
}


@pytest.mark.parametrize("case", FITTING)
@pytest.mark.parametrize("stretch", [4, 5_000])
def test_filters_choose_exactly_what_fits(
    client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch, case: str, stretch: int
) -> None:
    monkeypatch.setattr(timeline, "STRETCH", stretch)
    contact, random, events = rows.contact(), Random(1), []
    for number in range(40):
        name = random.choice(["charge_failed", "plan_upgraded", "plan_downgraded"])
        text, minute = random.choice(['{"p":"Pro"}'.lower(), '{"p":"starter"}']), random.randrange(12)
        rows.event(contact, name, NOON + timedelta(minutes=minute), properties=text, event_id=f"e{number}")
        events.append(Placed(minute, number, name, text))
    parameters, fits = FITTING[case]
    expected = [f"e{event.number}" for event in sorted(events, reverse=True) if fits(event)]

    pages = walk(client, f"/api/v1/contacts/{contact}/events", limit="3", **parameters)
    export = client.get(f"/api/v1/contacts/{contact}/event-export", query_string=parameters)

    assert flat(pages) == expected
    assert [line.split('"')[3] for line in export.get_data(as_text=True).splitlines()] == expected


def test_several_names_are_any_of_them(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact, "a")
    both = {rows.event(contact, "b"), rows.event(contact, "c")}

    document = client.get(f"/api/v1/contacts/{contact}/events?name=b&name=c").get_json()

    assert set(ids(document)) == both


def test_a_search_that_stops_says_how_far_back_it_came(
    client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "STRETCH", 10)
    contact = rows.contact()
    needle = rows.event(contact, occurred_at=NOON - timedelta(hours=1), properties='{"a":"needle"}')
    rows.events(contact, 25)
    path = f"/api/v1/contacts/{contact}/events"

    first = client.get(path, query_string={"text": "needle"}).get_json()
    second = client.get(path, query_string={"text": "needle", "cursor": first["next_cursor"]}).get_json()
    third = client.get(path, query_string={"text": "needle", "cursor": second["next_cursor"]}).get_json()

    def minute(number: int) -> datetime:
        return NOON + timedelta(minutes=number)

    assert (first["data"], first["searched_back_to"]) == ([], format_time(minute(15)))
    assert (second["data"], second["searched_back_to"]) == ([], format_time(minute(5)))
    assert (ids(third), third["searched_back_to"], third["next_cursor"]) == ([needle], None, None)


def test_a_search_back_in_the_other_direction_finds_the_same(
    client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "STRETCH", 5)
    contact = rows.contact()
    rows.events(contact, 20)
    newest = rows.event(contact, "needle", NOON + timedelta(hours=1))
    oldest = rows.event(contact, "needle", NOON - timedelta(hours=1))
    path = f"/api/v1/contacts/{contact}/events"

    forth = walk(client, path, text="needle", limit="1")
    cursor = None
    for _ in forth[:-1]:
        cursor = client.get(path, query_string={"text": "needle", "limit": 1} | ({"cursor": cursor} if cursor else {}))
        cursor = cursor.get_json()["next_cursor"]
    last = client.get(path, query_string={"text": "needle", "limit": 1, "cursor": cursor}).get_json()
    back = walk(client, path, "prev_cursor", text="needle", limit="1", cursor=last["prev_cursor"])

    assert (flat(forth), flat(back)) == ([newest, oldest], [newest])


def test_an_export_has_every_event_once_however_many_pages(
    client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.api.exports.EXPORT_PAGE", 7)
    contact = rows.contact()
    expected = rows.events(contact, 50)[::-1]
    rows.event(contact, occurred_at=NOON - timedelta(days=1), properties='{"a":\n 1}', event_id="oldest")

    answer = client.get(f"/api/v1/contacts/{contact}/event-export")

    lines = answer.get_data(as_text=True).splitlines()
    assert [line.split('"')[3] for line in lines] == [*expected, "oldest"]
    assert answer.content_type == "application/x-ndjson"
    assert f"contact-{contact}-events.ndjson" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("event_id", ["unknown", "%00", "a%2Fb", "x" * 129, "é"])
def test_an_event_that_is_not_there(client: FlaskClient, rows: Rows, event_id: str) -> None:
    contact = rows.contact()

    answer = client.get(f"/api/v1/contacts/{contact}/events/{event_id}")

    assert answer.status_code == 404


def test_an_event_of_another_contact_is_not_there(client: FlaskClient, rows: Rows) -> None:
    event = rows.event(rows.contact())

    answer = client.get(f"/api/v1/contacts/{rows.contact()}/events/{event}")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "event_not_found")
