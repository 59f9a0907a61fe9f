from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contact_events import ApiError, Fault, InvalidEventError, UnavailableError
from contact_events.contacts import upsert
from contact_events.transport import Response
from sdk.python.tests.fake_server import AWAY, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from contact_events import Client
    from sdk.python.tests.fake_server import FakeServer


class Clock:
    """Time passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def answer(status: int, **members: object) -> Response:
    return Response(status, json.dumps(members).encode())


@pytest.mark.parametrize("status", [200, 201])
def test_a_contact_is_written_and_its_id_returned(
    make_client: Callable[..., Client], server: FakeServer, status: int
) -> None:
    server.always = answer(status, id=17)
    contact_id = make_client().contact(external_id="shop-17", email="a@example.com", custom_data={"plan": "pro"})
    assert contact_id == 17
    request = server.requests[0]
    assert request.path == "/api/v1/contacts"
    assert request.headers["Idempotency-Key"]
    assert request.document == {"external_id": "shop-17", "email": "a@example.com", "custom_data": {"plan": "pro"}}


def test_a_field_that_is_none_is_sent_and_one_not_given_is_not(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    server.always = answer(200, id=17)
    make_client().contact(external_id="shop-17", name=None)
    assert server.requests[0].document.keys() == {"external_id", "name"}
    assert server.requests[0].document["name"] is None


def test_it_is_sent_again_with_the_same_id_until_the_answer_is_known(server: FakeServer) -> None:
    clock = Clock()
    server.answers.extend([AWAY, problem(503, "x", retry_after="4"), problem(429, "x"), answer(200, id=17)])
    assert upsert(server, {"external_id": "a"}, "u1", 30, clock=clock, sleep=clock.sleep) == 17
    assert [request.headers["Idempotency-Key"] for request in server.requests] == ["u1"] * 4
    assert clock.now > 4


def test_and_given_up_in_time(server: FakeServer) -> None:
    clock = Clock()
    server.always = AWAY
    with pytest.raises(UnavailableError, match="no answer within 30 s; the last failure: ConnectTimeoutError"):
        upsert(server, {"external_id": "a"}, "u1", 30, clock=clock, sleep=clock.sleep)
    assert 10 < clock.now <= 30


def test_a_no_says_all_that_is_wrong(make_client: Callable[..., Client], server: FakeServer) -> None:
    fault = {"pointer": "/email", "code": "invalid_email", "message": "email does not look like one."}
    server.always = answer(422, code="invalid_request", detail="One fault.", errors=[fault])
    with pytest.raises(ApiError) as raised:
        make_client().contact(external_id="shop-17", email="x")
    assert (raised.value.status, raised.value.code, raised.value.detail) == (422, "invalid_request", "One fault.")
    assert raised.value.faults == (Fault("/email", "invalid_email", "email does not look like one."),)
    assert str(raised.value) == (
        "422 invalid_request: One fault.\n  /email: invalid_email: email does not look like one."
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fields", [{"external_id": ""}, {"external_id": 5}, {"custom_data": None}, {"custom_data": {"a": float("inf")}}]
)
def test_what_no_server_would_take_is_raised_at_once(
    make_client: Callable[..., Client], server: FakeServer, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEventError):
        make_client().contact(**{"external_id": "a", **fields})
    assert not server.requests
