from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows


def found(client: FlaskClient, text: str) -> list[int]:
    document = client.get("/api/v1/contacts", query_string={"query": text}).get_json()
    return [contact["id"] for contact in document["data"]]


def test_the_shape_of_a_contact(client: FlaskClient, rows: Rows) -> None:
    changed = '{"plan":"2026-06-02T00:00:00Z"}'
    contact = rows.contact("usr_42", email="ada@example.com", name="Ada", custom_data='{"plan":"pro"}', changed=changed)
    rows.events(contact, 2)

    document = client.get(f"/api/v1/contacts/{contact}").get_json()

    assert document == {
        "id": contact,
        "external_id": "usr_42",
        "email": "ada@example.com",
        "name": "Ada",
        "custom_data": {"plan": "pro"},
        "custom_data_changed_at": {"plan": "2026-06-02T00:00:00Z"},
        "created_at": "2026-06-01T00:00:00Z",
        "updated_at": "2026-06-01T00:00:00Z",
        "event_count": 2,
        "first_event_at": "2026-06-07T12:00:00Z",
        "last_event_at": "2026-06-07T12:01:00Z",
    }


def test_contacts_are_found_by_the_beginning_of_any_word(client: FlaskClient, rows: Rows) -> None:
    jose = rows.contact("shop-77", name="José Álvarez del Río", email="j.alvarez@acme-corp.example")
    brien = rows.contact("usr_o'b", name="Ada O'Brien", email="ada@other.example")
    rows.contact("nobody", name="Zoë", email="z@z.example")

    for text in ("jose", "JOSÉ", "alv", "río", "josé del", "acme-corp", "acme-corp.example", "corp", "shop-77", "77"):
        assert found(client, text) == [jose], text
    for text in ("brien", "o'b", "ada o'brien", "usr_o'"):
        assert found(client, text) == [brien], text
    assert found(client, str(jose)) == [jose]
    for text in ("lvarez", "jose ada", "%", "_", "' | '", "\\", ":*", "!x", "&"):
        assert found(client, text) == [], text


def test_exact_matches_come_first(client: FlaskClient, rows: Rows) -> None:
    longer = rows.contact("exact-1-2", name="Exact Match Extra", email="exact@one.example.com")
    exact = rows.contact("exact-1", name="Exact Match", email="exact@one.example")

    assert found(client, "exact-1") == [exact, longer]
    assert found(client, "exact@one.example") == [exact, longer]
    assert found(client, "exact match") == [exact, longer]


def test_the_search_stays_in_the_workspace(
    client: FlaskClient, stranger: FlaskClient, other_workspace: int, rows: Rows
) -> None:
    own = rows.contact(name="Wanda Shared")
    foreign = rows.contact(name="Wanda Shared", workspace_id=other_workspace)

    assert found(client, "wanda") == [own]
    assert found(stranger, "wanda") == [foreign]
    assert found(client, str(foreign)) == []
    assert found(client, f"{other_workspace}/wanda") == []


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 5_000, "\u0301" * 300, "a" * 70 + " b", "'\\", "🦊 Fox", "ﷺ", "\u0130stanbul \u0131"]
)
def test_no_name_stops_the_projector_from_writing(client: FlaskClient, rows: Rows, name: str) -> None:
    contact = rows.contact(name=name, email=name, external_id=f"odd-{name[:100]}")

    assert client.get(f"/api/v1/contacts/{contact}").get_json()["name"] == name
    client.get("/api/v1/contacts", query_string={"query": name[:150].replace("\0", "")}).get_json()


def test_all_contacts_page_by_page_the_newest_first(stranger: FlaskClient, other_workspace: int, rows: Rows) -> None:
    expected = [rows.contact(workspace_id=other_workspace) for _ in range(7)][::-1]
    pages, cursor, previous = [], None, None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        document = stranger.get("/api/v1/contacts", query_string=query).get_json()
        pages.append([contact["id"] for contact in document["data"]])
        previous, cursor = document["prev_cursor"], document["next_cursor"]
        if cursor is None:
            break

    back = stranger.get("/api/v1/contacts", query_string={"limit": "3", "cursor": previous}).get_json()

    assert pages == [expected[:3], expected[3:6], expected[6:]]
    assert [contact["id"] for contact in back["data"]] == expected[3:6]


def test_a_cursor_of_a_timeline_is_no_cursor_of_contacts(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.events(contact, 2)
    cursor = client.get(f"/api/v1/contacts/{contact}/events?limit=1").get_json()["next_cursor"]

    for path in ("contacts", f"contacts/{rows.contact()}/events"):
        answer = client.get(f"/api/v1/{path}", query_string={"cursor": cursor})
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["code"] == "invalid_cursor"
