from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contact_events import Accepted, Client, InvalidEventError

if TYPE_CHECKING:
    from contact_events import Outcome
    from sdk.python.tests.fake_server import FakeServer


@pytest.fixture
def client() -> Client:
    return Client("https://events.example.com", "ce_key", test_mode=True)


def test_it_shows_what_would_have_been_sent(client: Client, server: FakeServer) -> None:
    contact_id = client.contact(external_id="shop-17", name="Ada")
    event_id = client.track(contact_id, "plan_upgraded", {"to_plan": "pro"})
    assert client.flush()
    event = client.recorded_events[0]
    assert (event["id"], event["contact_id"], event["name"]) == (event_id, 1, "plan_upgraded")
    assert event["properties"] == {"to_plan": "pro"}
    assert client.recorded_contacts[0]["external_id"] == "shop-17"
    assert not server.requests
    client.clear_recorded()
    assert client.recorded_events == []
    assert client.recorded_contacts == []
    client.close()


def test_a_contact_keeps_its_id(client: Client) -> None:
    ids = [client.contact(external_id=each) for each in ("a", "b", "a")]
    assert ids == [1, 2, 1]


def test_callbacks_are_told(client: Client) -> None:
    outcomes: list[Outcome] = []
    event_id = client.track(17, "a", on_delivery=outcomes.append)
    assert outcomes == [Accepted(event_id, "")]


def test_mistakes_are_raised_as_ever(client: Client) -> None:
    with pytest.raises(InvalidEventError):
        client.track(17, "")


def test_another_client_does_not_record() -> None:
    client = Client("https://events.example.com", "ce_key")
    with pytest.raises(RuntimeError, match="test_mode=True"):
        _ = client.recorded_events
    client.close()
