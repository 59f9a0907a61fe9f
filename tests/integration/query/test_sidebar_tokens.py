from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

PATH = "/api/v1/sidebar-tokens"


def test_a_token_opens_the_sidebar_of_its_contact(app: Flask, client: FlaskClient, rows: Rows, workspace: int) -> None:
    contact = rows.contact(name="Ada")
    conversation = {"id": "conv-1", "started_at": "2026-06-07T14:00:00+02:00"}

    minted = client.post(PATH, json={"contact_id": contact, "conversation": conversation, "time_zone": "Europe/Berlin"})
    document = minted.get_json()
    headers = {"Authorization": f"Bearer {document['token']}"}
    sidebar = app.test_client().get(f"/api/v1/contacts/{contact}/sidebar", headers=headers).get_json()
    summary = app.test_client().get(f"/api/v1/contacts/{contact}/event-summary", headers=headers).get_json()

    assert minted.status_code == 201
    assert document["url"] == f"http://localhost/embed/{workspace}/sidebar#{document['token']}"
    assert sidebar["contact"]["name"] == "Ada"
    assert sidebar["conversation"] == {"id": "conv-1", "started_at": "2026-06-07T12:00:00Z"}
    assert summary["histogram"]["time_zone"] == "Europe/Berlin"


def test_a_token_lives_ten_minutes_at_most(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()

    short = client.post(PATH, json={"contact_id": contact, "expires_in": 60}).get_json()["expires_at"]
    longest = client.post(PATH, json={"contact_id": contact}).get_json()["expires_at"]

    between = datetime.fromisoformat(longest) - datetime.fromisoformat(short)
    assert timedelta(seconds=500) < between <= timedelta(seconds=600)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ([], 422),
        ({"contact_id": "1"}, 422),
        ({"contact_id": 0}, 422),
        ({"contact_id": 1.5}, 422),
        ({"contact_id": 2**53}, 422),
        ({"contact_id": True}, 422),
        ({"contact_id": 9007199254740991}, 404),
        ({"contact_id": 1, "contact": 1}, 422),
        ({"contact_id": 1, "time_zone": "Europe/Atlantis"}, 422),
        ({"contact_id": 1, "time_zone": ""}, 422),
        ({"contact_id": 1, "expires_in": 601}, 422),
        ({"contact_id": 1, "conversation": {"id": "c"}}, 422),
        ({"contact_id": 1, "conversation": {"id": "", "started_at": "2026-06-07T14:00:00Z"}}, 422),
        ({"contact_id": 1, "conversation": {"id": "c", "started_at": "2026-06-07T14:00:00"}}, 422),
        ({"contact_id": 1, "conversation": {"id": "c", "started_at": "0001-01-01T00:00:00+14:00"}}, 422),
        ({"contact_id": 1, "conversation": {"id": "c" * 201, "started_at": "2026-06-07T14:00:00Z"}}, 422),
    ],
)
def test_what_breaks_a_rule(client: FlaskClient, body: dict[str, Any], status: int) -> None:
    answer = client.post(PATH, json=body)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"contact_id": NaN}', "application/json", 400),
        (b'{"contact_id": 1}', "text/plain", 415),
        (b'{"contact_id": 1' + b" " * 20_000 + b"}", "application/json", 413),
    ],
)
def test_what_is_no_json(client: FlaskClient, body: bytes, content_type: str, status: int) -> None:
    answer = client.post(PATH, data=body, content_type=content_type)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_cannot_post_our_forms(app: Flask, headers: dict[str, str], status: int) -> None:
    assert app.test_client().post("/sign-out", headers=headers).status_code == status
