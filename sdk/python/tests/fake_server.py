"""A server in memory: answers as the batch endpoint does, or as it is told to."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contact_events.transport import Response, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

Event = dict[str, Any]


@dataclass
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes
    document: dict[str, Any]
    seconds: float

    @property
    def events(self) -> list[Event]:
        events: list[Event] = self.document["events"]
        return events


@dataclass
class FakeServer:
    """`answers` are used up one a request; then `always`, then acceptance. While `gate` is clear, none."""

    answers: deque[Any] = field(default_factory=deque)
    always: Any = None
    requests: list[Request] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Response:
        plain = zlib.decompress(body, wbits=31) if headers.get("Content-Encoding") == "gzip" else body
        request = Request(path, headers, body, json.loads(plain), seconds)
        self.requests.append(request)
        assert self.gate.wait(120)
        answer = self.answers.popleft() if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        response: Response = (answer or accept)(request.events)
        return response

    def close(self) -> None:
        pass

    @property
    def ids(self) -> Counter[str]:
        """How often each event came."""
        return Counter(event["id"] for request in self.requests for event in request.events)


AWAY = TransportError("ConnectTimeoutError: nobody there")


def accepted(event: Event) -> dict[str, Any]:
    return {"status": "accepted", "id": event["id"], "position": f"at-{event['id']}", "warnings": []}


def unknown(event: Event) -> dict[str, Any]:
    return {"status": "unknown", "id": event["id"], "code": "not_acknowledged", "pointer": "", "message": "Again."}


def rejected(event: Event) -> dict[str, Any]:
    fault = {"pointer": "/contact_id", "code": "contact_not_found", "message": "There is no such contact."}
    return {"status": "rejected", "id": event["id"], **fault}


def accept(events: list[Event]) -> Response:
    return items(202, [accepted(event) for event in events])


def items(status: int, answers: list[dict[str, Any]]) -> Response:
    return Response(status, json.dumps({"items": answers}).encode())


def problem(status: int, code: str, detail: str = "No.", **headers: str) -> Response:
    body = json.dumps({"status": status, "code": code, "detail": detail}).encode()
    return Response(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
