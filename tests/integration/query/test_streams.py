from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from query import live, subscriptions
from query.api import streams
from query.main import build
from query.sidebar_tokens import SidebarTokens
from schemas.positions import Position
from tests.integration.query.rows import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

SECONDS = 120


@dataclass
class Message:
    kind: str
    id: str | None
    data: dict[str, Any]


@dataclass
class Stream:
    """Reads server-sent events from a real connection, in a thread of its own."""

    answer: IO[bytes]
    messages: list[Message] = field(default_factory=list)
    condition: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        fields: dict[str, str] = {}
        with suppress(OSError):  # the test has closed the connection
            for line in self.answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                fields[name] = value
                if line == b"\n":
                    self._note(fields)
                    fields = {}

    def _note(self, fields: dict[str, str]) -> None:
        if "event" in fields:
            with self.condition:
                data = msgspec.json.decode(fields["data"])
                self.messages.append(Message(fields["event"], fields.get("id"), data))
                self.condition.notify_all()

    def wait_for(self, how_many: int, kind: str = "event") -> list[Message]:
        def chosen() -> list[Message]:
            return [message for message in self.messages if message.kind == kind]

        with self.condition:
            assert self.condition.wait_for(lambda: len(chosen()) >= how_many, SECONDS), self.messages
            return chosen()


class Server:
    """The service on a real socket: a stream is a matter of connections."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key

    @contextmanager
    def stream(self, contact: int, last_event_id: str | None = None, after: str | None = None) -> Iterator[Stream]:
        query = f"?after={after}" if after else ""
        lines = [f"GET /api/v1/contacts/{contact}/event-stream{query} HTTP/1.0", f"Authorization: Bearer {self.key}"]
        lines += [f"Last-Event-ID: {last_event_id}"] if last_event_id else []
        with ExitStack() as stack:
            connection, answer = self._open(stack, "\r\n".join([*lines, "", ""]).encode())
            stream = Stream(answer)
            thread = threading.Thread(target=stream.run)
            thread.start()
            try:
                yield stream
            finally:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _open(self, stack: ExitStack, request: bytes) -> tuple[socket.socket, IO[bytes]]:
        """Ask until a stream opens: the server may not have noticed yet that those of the test before are gone."""
        deadline = time.monotonic() + SECONDS
        while True:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), SECONDS))
            answer = stack.enter_context(connection.makefile("rb"))
            connection.sendall(request)
            status, head = answer.readline(), list(iter(answer.readline, b"\r\n"))
            if b" 200 " in status:
                assert b"Content-Type: text/event-stream\r\n" in head
                return connection, answer
            assert time.monotonic() < deadline, status


@pytest.fixture
def server(app: Flask, api_key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)  # a server notices that a reader has gone when it writes
    listening = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Server(listening.port, api_key)
    listening.shutdown()
    thread.join()
    listening.server_close()


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Keep quiet."""


def ids(messages: list[Message]) -> list[str]:
    return [message.data["id"] for message in messages]


def test_an_event_arrives_as_the_list_shows_it(client: FlaskClient, server: Server, rows: Rows) -> None:
    contact, other = rows.contact(), rows.contact()
    with server.stream(contact) as stream:
        rows.event(other)
        event = rows.event(contact, "plan_upgraded", NOON, properties='{"a":\n\r 1.50, "b":"\\n"}')
        (message,) = stream.wait_for(1)

    listed = client.get(f"/api/v1/contacts/{contact}/events").get_json()
    assert message.data == listed["data"][0]
    assert message.data["id"] == event
    assert message.id == listed["position"] == rows.position.encode()


def test_late_events_and_profile_changes_arrive_in_log_order(server: Server, rows: Rows) -> None:
    contact = rows.contact(name="Ada")
    with server.stream(contact) as stream:
        first = rows.event(contact, occurred_at=NOON)
        rows.change_contact(contact, "Ada Lovelace")
        late = rows.event(contact, occurred_at=NOON - timedelta(days=400), received_at=NOON)
        events, (changed,) = stream.wait_for(2), stream.wait_for(1, "contact")

    assert ids(events) == [first, late]
    assert [message.data["late"] for message in events] == [False, True]
    assert (changed.data["name"], changed.data["id"]) == ("Ada Lovelace", contact)


def test_nothing_is_missed_between_a_list_and_its_stream(client: FlaskClient, server: Server, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact)
    listed = client.get(f"/api/v1/contacts/{contact}/events").get_json()
    between = [rows.event(contact) for _ in range(3)]
    with server.stream(contact, after=listed["position"]) as stream:
        stream.wait_for(3)
        since = rows.event(contact)
        assert ids(stream.wait_for(4)) == [*between, since]


def test_a_stream_goes_on_where_the_last_one_ended(server: Server, rows: Rows) -> None:
    contact = rows.contact()
    with server.stream(contact) as stream:
        rows.event(contact)
        last = stream.wait_for(1)[-1].id
    missed = [rows.event(contact) for _ in range(2)]
    with server.stream(contact, last_event_id=last, after=Position(uuid4(), 0, 0).encode()) as stream:
        assert ids(stream.wait_for(2)) == missed
        assert not [message for message in stream.messages if message.kind == "reset"]


def test_events_are_told_once_however_many_join_meanwhile(server: Server, rows: Rows) -> None:
    contact, expected = rows.contact(), []
    position = rows.position.encode()
    with ExitStack() as stack:
        opened = []
        for _ in range(5):  # joins and writes by turns
            expected += [rows.event(contact) for _ in range(4)]
            opened.append(stack.enter_context(server.stream(contact, after=position)))
        for stream in opened:
            assert ids(stream.wait_for(len(expected))) == expected


@pytest.mark.parametrize("case", ["another topic", "too far back", "too many"])
def test_what_cannot_be_told_one_by_one_is_told_as_a_reset(
    server: Server, rows: Rows, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    contact = rows.contact()
    after = rows.position.encode()
    rows.events(contact, 12)
    with server.stream(contact, after=rows.position.encode()) as caught_up:
        caught_up.wait_for(1, "position")  # what is missed is not still on its way to streams of the test before
    if case == "another topic":
        after = Position(uuid4(), 0, 5).encode()
    elif case == "too far back":
        monkeypatch.setattr(live, "LONGEST_CATCH_UP", 5)
    else:
        monkeypatch.setattr("query.changes.MOST", 5)

    with server.stream(contact, after=after) as stream:
        (reset,) = stream.wait_for(1, "reset")
        assert not [message for message in stream.messages if message.kind == "event"]

    assert reset.id == rows.position.encode()


def test_a_slow_reader_is_reset_and_does_not_fill_the_memory() -> None:
    topic = uuid4()
    subscription = subscriptions.Subscription(1, 17, 0)
    for offset in range(1_000):
        subscription.push(subscriptions.Reset(Position(topic, 0, offset)))

    taken = subscription.take(0)

    assert len(taken) <= subscriptions.LONGEST_QUEUE
    assert taken[-1].position == Position(topic, 0, 999)


def test_what_was_missed_comes_before_what_is_new() -> None:
    topic = uuid4()
    subscription = subscriptions.Subscription(1, 17, 0)
    new, missed = (subscriptions.Reset(Position(topic, 0, offset)) for offset in (2, 1))

    subscription.push(new)
    subscription.begin([missed])

    assert subscription.take(0) == [missed, new]


def test_an_erasure_is_told_as_a_reset(server: Server, rows: Rows) -> None:
    contact = rows.contact()
    event = rows.event(contact)
    with server.stream(contact) as stream:
        rows.erase_event(contact, event)
        stream.wait_for(1, "reset")


def test_a_lost_connection_is_made_again_and_nothing_is_missed(server: Server, rows: Rows, database_url: str) -> None:
    contact = rows.contact()
    with server.stream(contact) as stream, psycopg.connect(database_url, autocommit=True) as owner:
        for number in range(1, 4):
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'contact-events query'"
            )
            rows.event(contact)
            assert len(stream.wait_for(number)) == number


def test_there_is_a_limit_to_open_streams(client: FlaskClient, server: Server, rows: Rows) -> None:
    contact = rows.contact()
    path = f"/api/v1/contacts/{contact}/event-stream"
    with ExitStack() as stack:
        for _ in range(6):  # three quarters of the eight threads
            stack.enter_context(server.stream(contact))

        answer = client.get(path)

        assert (answer.status_code, answer.get_json()["code"]) == (503, "too_many_streams")
    deadline = time.monotonic() + SECONDS
    while client.get(path, buffered=False).status_code != 200:
        assert time.monotonic() < deadline


def test_a_stream_ends_when_the_service_closes(environment: dict[str, str], api_key: str, rows: Rows) -> None:
    service = build(environment)
    contact = rows.contact()
    answer = service.app.test_client().get(  # type: ignore[attr-defined] # a Flask application is what it is
        f"/api/v1/contacts/{contact}/event-stream",
        headers={"Authorization": f"Bearer {api_key}"},
        buffered=False,
    )

    service.close()

    assert b"retry" in answer.get_data()


def test_a_stream_ends_with_the_right_to_see_it(environment: dict[str, str], app: Flask, rows: Rows) -> None:
    tokens = SidebarTokens(environment["SECRET_KEY"], lambda: datetime.now(UTC))
    contact = rows.contact()
    token = tokens.mint(rows.workspace_id, contact, lifetime=timedelta(seconds=2)).text

    answer = app.test_client().get(
        f"/api/v1/contacts/{contact}/event-stream", headers={"Authorization": f"Bearer {token}"}, buffered=False
    )

    assert b"retry" in answer.get_data()  # to its end
