"""A page of a timeline passes by Flask, and nobody can tell: the same answers as from the route itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.integration.query.rows import Rows

ROUTE = "/api/v1/contacts/<contact_id>/events"


def both(client: FlaskClient, contact: int | str, query: str) -> tuple[TestResponse, TestResponse]:
    """Ask the quick way and, by the slash at the end, the other way."""
    headers = {"X-Request-Id": "asked-by-a-test"}
    path = f"/api/v1/contacts/{contact}/events"
    return client.get(f"{path}?{query}", headers=headers), client.get(f"{path}/?{query}", headers=headers)


@pytest.mark.parametrize(
    "query", ["", "limit=1", "name=other", "text=pro", "limit=0", "cursor=x", "nme=a", "position=AAAA"]
)
def test_a_page_is_the_same_with_and_without_flask(client: FlaskClient, rows: Rows, query: str) -> None:
    contact = rows.contact()
    rows.events(contact, 3)

    quick, slow = both(client, contact, query)

    assert (quick.status, quick.get_data()) == (slow.status, slow.get_data())
    assert sorted(quick.headers) == sorted(slow.headers)
    assert quick.headers["X-Request-Id"] == "asked-by-a-test"


@pytest.mark.parametrize("contact", ["999999", "x", "0", "1e3", "%20"])
def test_an_unknown_contact_is_the_same_problem(client: FlaskClient, contact: str) -> None:
    quick, slow = both(client, contact, "")

    assert quick.status_code == 404
    assert (quick.get_json(), sorted(quick.headers)) == (slow.get_json(), sorted(slow.headers))


def test_it_is_measured_under_its_route(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()

    def measured() -> float:
        return REGISTRY.get_sample_value("query_read_seconds_count", {"route": ROUTE}) or 0.0

    before = measured()
    both(client, contact, "")

    assert measured() == before + 2


def test_other_methods_are_answered_by_flask(client: FlaskClient, rows: Rows) -> None:
    path = f"/api/v1/contacts/{rows.contact()}/events"

    assert (client.head(path).status_code, client.head(path).get_data()) == (200, b"")
    assert client.post(path).status_code == 405
    assert "GET" in client.options(path).headers["Allow"]


def test_a_query_string_read_before_means_the_same_for_every_contact(client: FlaskClient, rows: Rows) -> None:
    contacts = {rows.contact(): 3, rows.contact(): 2}
    for contact, count in contacts.items():
        rows.events(contact, count)

    def page(contact: int, query: str) -> dict[str, Any]:
        body: dict[str, Any] = client.get(f"/api/v1/contacts/{contact}/events?{query}").get_json()
        assert {event["contact_id"] for event in body["data"]} == {contact}
        return body

    for _ in range(2):
        for contact, count in contacts.items():
            cursor = page(contact, "limit=1")["next_cursor"]
            assert len(page(contact, f"limit=2&cursor={cursor}")["data"]) == count - 1
            assert len(page(contact, "limit=2")["data"]) == 2


def test_a_cursor_is_refused_for_another_contact_however_often_it_was_taken(client: FlaskClient, rows: Rows) -> None:
    own, other = rows.contact(), rows.contact()
    rows.events(own, 2)
    rows.events(other, 2)
    first = client.get(f"/api/v1/contacts/{own}/events?limit=1").get_json()
    query = f"limit=1&cursor={first['next_cursor']}"

    for _ in range(2):
        assert client.get(f"/api/v1/contacts/{own}/events?{query}").status_code == 200
        assert client.get(f"/api/v1/contacts/{other}/events?{query}").status_code == 422
