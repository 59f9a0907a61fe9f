"""The demo's client loses nothing and doubles nothing when answers do not come."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import pytest
from urllib3.exceptions import ProtocolError

from cli.demo.api import Api, ApiError
from cli.demo.quarter import build_quarter
from cli.demo.sending import Sending, Sent

if TYPE_CHECKING:
    from cli.demo.story import Quarter

END = datetime(2026, 11, 24, 11, tzinfo=UTC)


@dataclass
class Response:
    status: int
    data: bytes


@dataclass
class World:
    """Ingest, log, projector and query in one: knows what an id means, and sometimes answers nothing."""

    trouble: float = 0.0
    random: Random = field(default_factory=lambda: Random(7))
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    timelines: dict[int, dict[str, dict[str, Any]]] = field(default_factory=dict)
    updates: set[tuple[int, str]] = field(default_factory=set)
    log: list[Any] = field(default_factory=list)
    idle: float = 0.0
    now: datetime = END

    def request(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Response:
        before = self.random.random() < self.trouble / 2
        after = self.random.random() < self.trouble / 2
        if before:
            return Response(503, b'{"code": "kafka_unavailable", "detail": "Send it again with the same id."}')
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body or b"")
        status, answer = self.answer(method, urlsplit(url), json.loads(body or b"{}"), headers)
        if after:
            raise ProtocolError("Connection broken")
        return Response(status, json.dumps(answer).encode())

    def answer(self, method: str, url: SplitResult, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        assert headers["Authorization"] == "Bearer key"
        if url.path == "/api/v1/contacts":
            known = self.contacts.get(body["external_id"])
            contact = known or {
                "id": len(self.contacts) + 1,
                "custom_data": {},
                "created_at": self.now.isoformat(),
            }
            self.contacts[body["external_id"]] = contact
            return 201, self.update(contact, headers["Idempotency-Key"], body["custom_data"])
        if url.path == "/api/v1/events/batch":
            return 207, {"items": [self.take(event) for event in body["events"]]}
        number = int(url.path.split("/")[4])
        contact = next(contact for contact in self.contacts.values() if contact["id"] == number)
        assert method == "GET"
        assert int(parse_qs(url.query)["position"][0]) < len(self.log)
        count = len(self.timelines.get(number, {}))
        return 200, {"id": number, "event_count": count, "created_at": contact["created_at"]}

    def update(self, contact: dict[str, Any], id_: str, patch: dict[str, Any]) -> dict[str, Any]:
        if (contact["id"], id_) not in self.updates:
            self.updates.add((contact["id"], id_))
            merged = contact["custom_data"] | patch
            contact["custom_data"] = {key: value for key, value in merged.items() if value is not None}
        self.log.append(id_)
        return {"id": contact["id"], "position": str(len(self.log) - 1)}

    def take(self, event: dict[str, Any]) -> dict[str, Any]:
        fate = self.random.random()
        if fate > self.trouble / 2:
            self.timelines.setdefault(event["contact_id"], {}).setdefault(event["id"], event)
            self.log.append(event["id"])
        if fate < self.trouble:  # written or not: the answer does not say
            return {"status": "unknown", "id": event["id"]}
        return {"status": "accepted", "id": event["id"], "position": str(len(self.log) - 1)}

    def sleep(self, seconds: float) -> None:
        self.idle += seconds


@pytest.fixture(scope="module")
def quarter() -> Quarter:
    return build_quarter(1, END)


def send(world: World, quarter: Quarter, patience: float = 1e9) -> Sent:
    api = Api(
        "http://here",
        "key",
        request=world.request,  # type: ignore[arg-type] # as much of a response as is looked at
        sleep=world.sleep,
        clock=lambda: world.idle,
        patience=patience,
    )
    steps: list[int] = []
    sending = Sending(api, quarter, world.now)
    sent = sending.run(steps.append)
    assert sum(steps) == sending.total
    return sent


@pytest.mark.parametrize("trouble", [0.0, 0.3])
def test_everything_arrives_once_whatever_becomes_of_the_answers(quarter: Quarter, trouble: float) -> None:
    world = World(trouble)
    sent = send(world, quarter)
    assert sent.accepted == sent.new_events == quarter.event_count
    assert sent.duplicates == 0
    for external_id, story in quarter.stories.items():
        contact = world.contacts[external_id]
        assert list(world.timelines[contact["id"]]) != []
        assert set(world.timelines[contact["id"]]) == {event.id for event in story.events}
        assert contact["custom_data"] == json.loads(json.dumps(story.final_data))


def test_a_second_run_is_all_duplicates(quarter: Quarter) -> None:
    world = World(0.1)
    assert send(world, quarter).created == 200
    world.now += timedelta(minutes=1)
    sent = send(world, quarter)
    assert sent.created == 0
    assert sent.new_events == 0
    assert sent.duplicates == quarter.event_count


def test_late_events_are_sent_after_newer_ones(quarter: Quarter) -> None:
    world = World()
    send(world, quarter)
    out_of_order = 0
    for timeline in world.timelines.values():
        moments = [datetime.fromisoformat(event["occurred_at"]) for event in timeline.values()]
        out_of_order += moments != sorted(moments)
    assert out_of_order > 10


def test_silence_ends_with_an_error_that_names_the_last_answer(quarter: Quarter) -> None:
    with pytest.raises(ApiError, match=r"no answer for 5 s; the last: (503 kafka_unavailable|ProtocolError)"):
        send(World(2.0), quarter, patience=5)


def test_a_no_is_not_sent_again() -> None:
    def refuse(*_: object, **__: object) -> Response:
        calls.append(1)
        return Response(422, b'{"code": "invalid", "detail": "No.", "errors": [{"pointer": "/name"}]}')

    calls: list[int] = []
    api = Api("http://here", "key", request=refuse)  # type: ignore[arg-type] # as above
    with pytest.raises(ApiError, match=r"422 invalid: No\..*/name"):
        api.write("POST", "/api/v1/contacts", {})
    assert len(calls) == 1
