"""How a contact was at a moment, and what each of its changes changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from query import history
from tests.integration.query.rows import CREATED, NOON

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.integration.query.rows import Rows

MINUTE = timedelta(minutes=1)


def custom_data(patch: str) -> str:
    return f'{{"profile": {{}}, "custom_data": {patch}}}'


def as_of(client: FlaskClient, contact: int, moment: str | datetime) -> TestResponse:
    text = moment if isinstance(moment, str) else moment.isoformat()
    return client.get(f"/api/v1/contacts/{contact}", query_string={"as_of": text})


def changes(client: FlaskClient, contact: int, **query: str) -> Any:  # noqa: ANN401 - a document
    return client.get(f"/api/v1/contacts/{contact}/changes", query_string=query).get_json()


@pytest.fixture
def contact(rows: Rows) -> int:
    """Make a contact that changes three times."""
    contact = rows.contact(email="a@a.example", name="Ada", custom_data='{"plan": "starter", "owner": {"a": 1}}')
    rows.change(contact, custom_data('{"plan": "pro", "mrr": 1.50, "owner": {"b": 2}}'), NOON, "first")
    rows.change(contact, '{"profile": {"email": null, "name": "Ada M"}}', NOON + MINUTE, "second")
    rows.change(contact, custom_data('{"mrr": null, "owner": {"a": null}, "plan": "pro"}'), NOON + 2 * MINUTE, "third")
    return contact


def test_a_contact_as_it_was(client: FlaskClient, contact: int) -> None:
    answer = as_of(client, contact, NOON)

    assert '"mrr":1.50' in answer.get_data(as_text=True).replace(" ", "")
    assert answer.get_json() == {
        "id": contact,
        "external_id": f"usr_{contact}",
        "email": "a@a.example",
        "name": "Ada",
        "custom_data": {"plan": "pro", "owner": {"a": 1, "b": 2}, "mrr": 1.5},
        "custom_data_changed_at": dict.fromkeys(["plan", "owner", "mrr"], "2026-06-07T12:00:00Z"),
        "created_at": "2026-06-01T00:00:00Z",
        "updated_at": "2026-06-07T12:00:00Z",
        "as_of": "2026-06-07T12:00:00Z",
    }


def test_each_moment_has_its_own_state(client: FlaskClient, contact: int) -> None:
    seen = [
        (document["name"], document["email"], document["custom_data"])
        for moment in (CREATED, NOON + MINUTE, NOON + 2 * MINUTE, datetime.now(UTC))
        if (document := as_of(client, contact, moment).get_json())
    ]

    last = ("Ada M", None, {"plan": "pro", "owner": {"b": 2}})
    assert seen == [
        ("Ada", "a@a.example", {"plan": "starter", "owner": {"a": 1}}),
        ("Ada M", None, {"plan": "pro", "owner": {"a": 1, "b": 2}, "mrr": 1.5}),
        last,
        last,
    ]
    assert as_of(client, contact, "2026-06-07T14:00:59.999999+02:00").get_json()["name"] == "Ada"


def test_before_the_contact_existed(client: FlaskClient, contact: int) -> None:
    answer = as_of(client, contact, CREATED - timedelta(microseconds=1))

    assert (answer.status_code, answer.get_json()["code"]) == (404, "contact_not_created_yet")
    assert answer.get_json()["created_at"] == "2026-06-01T00:00:00Z"


@pytest.mark.parametrize("text", ["yesterday", "2026-06-07", "2026-06-07T12:00:00", "2026-06-07T12:00:00+0200"])
def test_a_moment_needs_its_offset(client: FlaskClient, contact: int, text: str) -> None:
    answer = as_of(client, contact, text)

    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "invalid_time")


def test_the_future_is_not_known(client: FlaskClient, contact: int) -> None:
    answer = as_of(client, contact, datetime.now(UTC) + timedelta(minutes=5))

    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "in_the_future")


def test_a_history_too_long_to_fold_is_refused_not_cut(
    client: FlaskClient, contact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_FOLDED", 3)

    assert as_of(client, contact, NOON + MINUTE).status_code == 200
    answer = as_of(client, contact, NOON + 2 * MINUTE)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "history_too_long")
    assert answer.get_json()["errors"][0]["limit"] == 3


def test_changes_are_told_newest_first_with_what_was_before(client: FlaskClient, contact: int) -> None:
    document = changes(client, contact)

    def value(key: str, before: Any, after: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        return {"key": key, "before": before, "after": after, "before_known": True}

    assert [(change["id"], change["kind"]) for change in document["data"]] == [
        ("third", "updated"),
        ("second", "updated"),
        ("first", "updated"),
        (f"created-{contact}", "created"),
    ]
    assert [change["custom_data"] for change in document["data"]] == [
        [value("mrr", 1.5, None), value("owner", {"a": 1, "b": 2}, {"b": 2})],
        [],
        [value("plan", "starter", "pro"), value("mrr", None, 1.5), value("owner", {"a": 1}, {"a": 1, "b": 2})],
        [value("plan", None, "starter"), value("owner", None, {"a": 1})],
    ]
    assert document["data"][1]["profile"] == [value("email", "a@a.example", None), value("name", "Ada", "Ada M")]
    assert document["position"]


def test_pages_of_changes_meet_without_gap_or_double(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact(custom_data='{"n": -1}')
    expected = [rows.change(contact, custom_data(f'{{"n": {n}}}'), NOON + n // 2 * MINUTE) for n in range(7)]
    expected = [*reversed(expected), f"created-{contact}"]
    pages, cursor, document = [], None, {}
    while True:
        document = changes(client, contact, limit="3", **({"cursor": cursor} if cursor else {}))
        pages.append([change["id"] for change in document["data"]])
        befores = [change["custom_data"][0]["before"] for change in document["data"]]
        assert all(before is None or before == change["custom_data"][0]["after"] - 1
                   for before, change in zip(befores, document["data"], strict=True))  # fmt: skip
        if (cursor := document["next_cursor"]) is None:
            break
    back = changes(client, contact, limit="3", cursor=document["prev_cursor"])
    first = changes(client, contact, limit="3", cursor=back["prev_cursor"])

    assert pages == [expected[:3], expected[3:6], expected[6:]]
    assert [change["id"] for change in back["data"]] == expected[3:6]
    assert [change["custom_data"][0]["before"] for change in back["data"]] == [2, 1, 0]
    assert ([change["id"] for change in first["data"]], first["prev_cursor"]) == (expected[:3], None)


def test_a_value_from_too_long_ago_is_said_to_be_unknown(
    client: FlaskClient, contact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOOKED_BACK", 0)

    (newest,) = changes(client, contact, limit="1")["data"]

    assert newest["custom_data"][0] == {"key": "mrr", "before": None, "after": None, "before_known": False}


def test_a_cursor_of_a_timeline_is_none_of_the_changes(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.events(contact, 2)
    cursor = client.get(f"/api/v1/contacts/{contact}/events?limit=1").get_json()["next_cursor"]

    assert changes(client, contact, cursor=cursor)["errors"][0]["code"] == "invalid_cursor"


def test_an_event_named_like_the_collection_hides_nothing(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact, event_id="changes")

    assert client.get(f"/api/v1/contacts/{contact}/events/changes").get_json()["id"] == "changes"
    assert [change["id"] for change in changes(client, contact)["data"]] == [f"created-{contact}"]
    assert json.dumps(changes(client, contact)["data"][0]["custom_data"]) == "[]"
