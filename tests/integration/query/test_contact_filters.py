"""Contacts chosen by custom data and by what happened to them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from query import contact_filters
from schemas.times import format_time
from tests.conftest import create_api_key
from tests.integration.query.rows import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

DAY = timedelta(days=1)


def ask(client: FlaskClient, **query: str | list[str]) -> Any:  # noqa: ANN401 - a document
    names = {name.replace("custom_data__", "custom_data."): value for name, value in query.items()}
    return client.get("/api/v1/contacts", query_string=names).get_json()


def found(client: FlaskClient, **query: str | list[str]) -> list[int]:
    return [contact["id"] for contact in ask(client, **query)["data"]]


@pytest.fixture
def make(rows: Rows, other_workspace: int) -> Callable[..., int]:
    """Make contacts of a workspace that nothing else is in."""

    def contact(custom_data: str = "{}", **fields: str) -> int:
        return rows.contact(workspace_id=other_workspace, custom_data=custom_data, **fields)

    return contact


def test_custom_data_is_compared_by_type(stranger: FlaskClient, make: Callable[..., int]) -> None:
    text, number, exact = make('{"v": "42"}'), make('{"v": 42}'), make('{"v": 42.0}')
    yes, word, none, nested = make('{"v": true}'), make('{"v": "true"}'), make(), make('{"v": {"v": 42}}')
    wild = make('{"v": 1e999999}')

    assert found(stranger, custom_data__v="42") == [exact, number]
    assert found(stranger, custom_data__v="4.2e1") == [exact, number]
    assert found(stranger, custom_data__v='"42"') == [text]
    assert found(stranger, custom_data__v="true") == [yes]
    assert found(stranger, custom_data__v='"true"') == [word]
    assert found(stranger, custom_data__v="1e999") == []
    for value in ("False", "null", '{"v": 42}', "042", "%"):
        assert found(stranger, custom_data__v=value) == [], value
    assert not {none, nested, wild} & {*found(stranger, custom_data__v="1")}


def test_several_filters_all_have_to_fit(stranger: FlaskClient, make: Callable[..., int]) -> None:
    both = make('{"plan": "pro", "beta": true, "a.b": "é"}', name="Wanda One")
    make('{"plan": "pro", "beta": false}', name="Wanda Two")
    make('{"plan": "free", "beta": true}')

    assert found(stranger, custom_data__plan="pro", custom_data__beta="true") == [both]
    assert found(stranger, **{"custom_data.a.b": "é"}) == [both]
    assert found(stranger, query="wanda", custom_data__beta="true") == [both]
    assert found(stranger, query="wanda", custom_data__beta="true", custom_data__plan="x") == []


def test_what_happened_and_what_did_not(
    stranger: FlaskClient,
    make: Callable[..., int],
    rows: Rows,
    other_workspace: int,
) -> None:
    early, late, never = make('{"plan": "pro"}'), make('{"plan": "free"}'), make('{"plan": "pro"}')
    rows.event(early, "plan_upgraded", NOON, workspace_id=other_workspace)
    rows.event(late, "plan_upgraded", NOON + DAY, workspace_id=other_workspace)
    rows.event(late, "login", NOON + 2 * DAY, workspace_id=other_workspace)
    since = format_time(NOON + DAY)

    assert found(stranger, has_event="plan_upgraded") == [late, early]
    assert found(stranger, has_event="plan_upgraded", since=since) == [late]
    assert found(stranger, has_event="plan_upgraded", since="2026-06-08T14:00:01+02:00") == []
    assert found(stranger, has_event=["plan_upgraded", "login"]) == [late]
    assert found(stranger, has_no_event="plan_upgraded") == [never]
    assert found(stranger, has_no_event="plan_upgraded", since=since) == [never, early]
    assert found(stranger, has_no_event="plan_upgraded", since=since, custom_data__plan="pro") == [never, early]
    assert found(stranger, has_event="plan_upgraded", has_no_event="login", since=since) == []


def test_a_page_looks_at_a_bounded_number_and_says_how_far_it_came(
    stranger: FlaskClient,
    make: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contact_filters, "STRETCH", 4)
    fitting = [make('{"rare": 1}') if number % 6 == 0 else make() for number in range(14)][::6][::-1]
    seen, stops, cursor, document = [], [], None, {}
    for _ in range(6):
        document = ask(stranger, custom_data__rare="1", limit="1", **({"cursor": cursor} if cursor else {}))
        seen += [contact["id"] for contact in document["data"]]
        stops.append(document["searched_back_to"])
        if (cursor := document["next_cursor"]) is None:
            break

    assert seen == fitting
    assert "2026-06-01T00:00:00Z" in stops
    assert (stops[-1], cursor) == (None, None)

    back = []
    while cursor := document["prev_cursor"]:
        document = ask(stranger, custom_data__rare="1", limit="1", cursor=cursor)
        back += [contact["id"] for contact in document["data"]]
    assert back == [*reversed(fitting)][1:]  # the oldest was on the page that the way back began from


def test_a_cursor_of_another_filter_is_refused(stranger: FlaskClient, make: Callable[..., int]) -> None:
    for _ in range(3):
        make('{"plan": "pro"}')
    cursor = ask(stranger, custom_data__plan="pro", limit="1")["next_cursor"]

    assert len(ask(stranger, custom_data__plan="pro", cursor=cursor)["data"]) == 2
    for query in ({"custom_data__plan": "free"}, {}, {"custom_data__plan": "pro", "has_event": "x"}):
        assert ask(stranger, **query, cursor=cursor)["errors"][0]["code"] == "invalid_cursor"


def test_nobody_elses_contacts_are_found(client: FlaskClient, stranger: FlaskClient, make: Callable[..., int]) -> None:
    foreign = make('{"of": "others"}', name="Foreign Filtered")

    assert found(stranger, custom_data__of="others") == [foreign]
    assert found(client, custom_data__of="others") == []
    assert found(client, query="foreign filtered", custom_data__of="others") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "2026-06-07T12:00:00Z"}, "since_what"),
        ({"since": "yesterday", "has_event": "x"}, "invalid_time"),
        ({"custom_data.": "x"}, "invalid_key"),
        ({f"custom_data.{'k' * 257}": "x"}, "invalid_key"),
        ({"custom_data.k": "v" * 1_001}, "too_long"),
        ({f"custom_data.{n}": "x" for n in range(11)}, "too_many"),
        ({"custom_data.k": ["a", "b"]}, "repeated"),
        ({"custom_data.k": "a\0"}, "invalid_text"),
        ({"custom_data.\0": "a"}, "invalid_text"),
        ({"has_event": "x" * 129}, "too_long"),
        ({"has_events": "x"}, "unknown_parameter"),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, query: dict[str, Any], code: str) -> None:
    answer = client.get("/api/v1/contacts", query_string=query)

    assert answer.status_code == 422
    assert code in {error["code"] for error in answer.get_json()["errors"]}


def test_what_happened_is_for_those_who_may_read_events(app: Flask, database_url: str, workspace: int) -> None:
    headers = {"Authorization": f"Bearer {create_api_key(database_url, workspace, ['contacts:read'])}"}
    client = app.test_client()

    assert client.get("/api/v1/contacts?custom_data.plan=pro", headers=headers).status_code == 200
    for name in ("has_event", "has_no_event"):
        answer = client.get(f"/api/v1/contacts?{name}=login", headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "missing_scope")
