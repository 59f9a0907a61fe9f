from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import contact_events
from contact_events import ClientClosedError, InvalidEventError
from contact_events.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable

    from contact_events import Client
    from sdk.python.tests.fake_server import FakeServer


def sent(client: Client, server: FakeServer) -> dict[str, Any]:
    assert client.flush(20)
    return server.requests[-1].events[-1]


def test_an_event_goes_out_as_the_batch_endpoint_takes_it(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    client = make_client()
    before = datetime.now(UTC)
    event_id = client.track(17, "plan_upgraded", {"to_plan": "pro", "mrr_delta": 50})
    event = sent(client, server)
    assert server.requests[0].path == "/api/v1/events/batch"
    assert event.keys() == {"id", "contact_id", "name", "occurred_at", "properties"}
    assert (event["id"], event["contact_id"], event["name"]) == (event_id, 17, "plan_upgraded")
    assert event["properties"] == {"to_plan": "pro", "mrr_delta": 50}
    assert before <= datetime.fromisoformat(event["occurred_at"]) <= datetime.now(UTC)


def test_a_contact_may_be_named_by_the_apps_own_id(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    client.track(external_id="shop-17", name="shop_installed")
    event = sent(client, server)
    assert event["external_id"] == "shop-17"
    assert "contact_id" not in event
    assert "properties" not in event


def test_occurred_at_is_written_in_utc(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    client.track(17, "a", occurred_at=datetime(2026, 6, 7, 12, 30, tzinfo=timezone(timedelta(hours=2))))
    assert sent(client, server)["occurred_at"] == "2026-06-07T10:30:00Z"
    client.track(17, "a", occurred_at=datetime(2026, 6, 7, 10, 30, 0, 250_000, UTC))
    assert sent(client, server)["occurred_at"] == "2026-06-07T10:30:00.250000Z"


def test_values_with_one_obvious_form_are_written_so(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    some_id = UUID(int=7)
    client.track(
        17, "a", {"at": datetime(2026, 6, 7, tzinfo=UTC), "on": date(2026, 6, 7), "id": some_id, "text": "größer"}
    )
    assert sent(client, server)["properties"] == {
        "at": "2026-06-07T00:00:00Z",
        "on": "2026-06-07",
        "id": str(some_id),
        "text": "größer",
    }


def test_what_is_changed_after_track_does_not_change_the_event(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    client = make_client()
    properties = {"plan": "pro"}
    client.track(17, "a", properties)
    properties["plan"] = "starter"
    assert sent(client, server)["properties"] == {"plan": "pro"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"contact_id": "17"}, "your own id for the contact goes into external_id"),
        ({"contact_id": True}, "contact's number"),
        ({"contact_id": 0}, "contact's number"),
        ({"contact_id": None}, "contact's number"),
        ({"external_id": "shop-1"}, "not by both"),
        ({"contact_id": None, "external_id": ""}, "external_id must be a text"),
        ({"name": ""}, "1 to 128 characters"),
        ({"name": "x" * 129}, "1 to 128 characters"),
        ({"name": 5}, "1 to 128 characters"),
        ({"occurred_at": datetime(2026, 6, 7)}, "with a time zone"),  # noqa: DTZ001 - that is the point
        ({"occurred_at": "2026-06-07T10:30:00Z"}, "with a time zone"),
        ({"occurred_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "outside the years"),
        ({"event_id": "has blanks"}, "an id begins with a letter or digit"),
        ({"event_id": "x" * 129}, "an id begins with a letter or digit"),
        ({"properties": [1]}, "must be a dict, not list"),
        ({"properties": []}, "must be a dict, not list"),
        ({"properties": {"a": float("nan")}}, "JSON"),
        ({"properties": {"a": object()}}, "object has no JSON form"),
        ({"properties": {"a": "\ud800"}}, "surrogate"),
        ({"properties": {"a": "x" * 33_000}}, "33,?008 bytes as JSON, 32768 are allowed"),
    ],
)
def test_what_no_server_would_take_is_raised_at_once(
    make_client: Callable[..., Client], server: FakeServer, arguments: dict[str, Any], says: str
) -> None:
    client = make_client()
    with pytest.raises(InvalidEventError, match=says):
        client.track(**{"contact_id": 17, "name": "plan_upgraded", **arguments})
    assert client.flush(20)
    assert not server.requests


def test_properties_of_exactly_the_limit_are_taken(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    client.track(17, "a", {"a": "x" * (32 * 1024 - 8)})
    assert len(sent(client, server)["properties"]["a"]) == 32_760


def test_ids_are_uuid7_in_order_of_time() -> None:
    ids = [uuid7() for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    for each in ids:
        parsed = UUID(each)
        assert str(parsed) == each
        assert parsed.version == 7
        assert re.fullmatch("[89ab]", each[19])
    assert [each[:13] for each in ids] == sorted(each[:13] for each in ids)


def test_an_id_of_ones_own_is_kept(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    assert client.track(17, "a", event_id="invoice-1:paid") == "invoice-1:paid"
    assert sent(client, server)["id"] == "invoice-1:paid"


def test_a_closed_client_says_so(make_client: Callable[..., Client]) -> None:
    client = make_client()
    client.close()
    client.close()
    with pytest.raises(ClientClosedError):
        client.track(17, "a")


@pytest.mark.parametrize("url", ["events.example.com", "ftp://x", "https://", "https://x?a=b", "https://user:word@x"])
def test_a_wrong_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        contact_events.Client(url, "ce_key")


@pytest.mark.parametrize("key", ["", " ", None, "kéy", "a\nb"])
def test_a_wrong_key_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="api_key"):
        contact_events.Client("https://events.example.com", key)


def test_wrong_settings_are_named_all_at_once() -> None:
    with pytest.raises(
        ValueError, match="batch_events must be from 1 to 1000, not 0; linger must be 0 or more, not -1"
    ):
        contact_events.Client("https://events.example.com", "ce_key", batch_events=0, linger=-1)


def test_the_key_is_not_shown(make_client: Callable[..., Client]) -> None:
    assert repr(make_client()) == "<contact_events.Client https://events.example.com>"
