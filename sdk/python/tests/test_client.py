"""The client as an app sees it: threads, callbacks, bounds, the end."""

from __future__ import annotations

import gc
import json
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from contact_events import Accepted, ClientClosedError, QueueFullError, Rejected, Undelivered
from sdk.python.tests.fake_server import AWAY, items, problem, rejected
from sdk.python.tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contact_events import Client, Outcome
    from sdk.python.tests.fake_server import FakeServer


def test_what_is_tracked_arrives_without_being_asked_for(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    ids = {make_client().track(17, "a")}
    eventually(lambda: set(server.ids) == ids)


def test_events_of_many_threads_arrive_once_each(make_client: Callable[..., Client], server: FakeServer) -> None:
    client, ids = make_client(batch_events=50), []

    def track() -> None:
        for _ in range(500):
            ids.append(client.track(17, "a"))  # noqa: PERF401 - one after the other, on purpose

    threads = [threading.Thread(target=track) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(30)
    assert server.ids == dict.fromkeys(ids, 1)
    assert max(len(request.events) for request in server.requests) <= 50
    assert client.status().accepted == 4_000
    assert client.status().waiting == 0


def test_lingering_makes_batches_out_of_single_events(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(linger=0.5)
    for _ in range(100):
        client.track(17, "a")
    eventually(lambda: len(server.ids) == 100)
    assert len(server.requests) <= 3


def test_a_full_batch_does_not_linger(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(linger=60, batch_events=10)
    for _ in range(10):
        client.track(17, "a")
    eventually(lambda: len(server.ids) == 10, 20)


def test_track_does_not_wait_for_a_slow_server(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    server.gate.clear()
    client.track(17, "a")
    eventually(lambda: server.requests)
    for _ in range(1_000):
        client.track(17, "a")
    assert len(server.requests) == 1
    server.gate.set()
    assert client.flush(30)
    assert len(server.ids) == 1_001


def test_each_event_tells_its_own_callback_and_the_others_the_clients(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    own: list[Outcome] = []
    rest: list[Outcome] = []
    client = make_client(on_delivery=rest.append)
    server.always = lambda events: items(
        207, [rejected(event) if event["name"] == "bad" else _ok(event) for event in events]
    )
    good = client.track(17, "good", on_delivery=own.append)
    bad = client.track(17, "bad", on_delivery=own.append)
    other = client.track(17, "other")
    assert client.flush(30)
    assert own[0] == Accepted(good, "here")
    assert isinstance(own[1], Rejected)
    assert (own[1].event_id, own[1].faults[0].pointer) == (bad, "/contact_id")
    assert rest == [Accepted(other, "here")]


def _ok(event: dict[str, Any]) -> dict[str, Any]:
    return {"status": "accepted", "id": event["id"], "position": "here", "warnings": []}


def test_a_failing_callback_hurts_nobody_else(
    make_client: Callable[..., Client], server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    delivered: list[Outcome] = []

    def fail(_: Outcome) -> None:
        raise ZeroDivisionError

    event_id = client.track(17, "a", on_delivery=fail)
    client.track(17, "a", on_delivery=delivered.append)
    assert client.flush(30)
    assert len(delivered) == 1
    assert f"the delivery callback of event {event_id} failed" in caplog.text
    assert server.ids[event_id] == 1


def test_a_callback_that_would_wait_for_itself_is_told_so(make_client: Callable[..., Client]) -> None:
    client, errors = make_client(), []

    def wait(_: Outcome) -> None:
        try:
            client.flush()
        except RuntimeError as error:
            errors.append(str(error))

    client.track(17, "a", on_delivery=wait)
    assert client.flush(30)
    assert "not from there" in errors[0]


def test_a_full_queue_is_loud_and_has_room_again_later(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(queue_events=100)
    server.always = AWAY
    ids = [client.track(17, "a") for _ in range(100)]
    eventually(lambda: client.status().trouble)
    with pytest.raises(QueueFullError, match=r"100 events wait .* sending fails: ConnectTimeoutError: nobody there"):
        client.track(17, "refused")
    server.always = None
    assert client.flush(30)
    ids.append(client.track(17, "a"))
    assert client.flush(30)
    assert set(server.ids) == set(ids)
    assert "refused" not in {event["name"] for request in server.requests for event in request.events}


def test_the_bound_counts_bytes_too(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(queue_bytes=10_000)
    server.gate.clear()
    for _ in range(8):
        client.track(17, "a", {"text": "x" * 1_000})
    with pytest.raises(QueueFullError):
        client.track(17, "a", {"text": "x" * 2_000})
    assert client.status().waiting == 8
    server.gate.set()


def test_track_waits_for_room_if_told_to(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(queue_events=5, block_when_full=30.0)
    server.gate.clear()
    for _ in range(5):
        client.track(17, "a")
    waiting = threading.Thread(target=client.track, args=(17, "b"))
    waiting.start()
    time.sleep(0.05)  # it must still be waiting after a while
    assert waiting.is_alive()
    server.gate.set()
    waiting.join(30)
    assert not waiting.is_alive()
    assert client.flush(30)
    assert len(server.ids) == 6


def test_and_gives_up_after_the_time_it_was_told(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(queue_events=1, block_when_full=0.1)
    server.always = AWAY
    client.track(17, "a")
    began = time.monotonic()
    with pytest.raises(QueueFullError):
        client.track(17, "b")
    assert time.monotonic() - began >= 0.1


def test_track_in_a_callback_does_not_wait_for_room_that_nobody_else_could_make(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    client = make_client(queue_events=1, block_when_full=600.0)
    errors: list[Exception] = []

    def track_more(_: Outcome) -> None:
        try:
            client.track(17, "b")
        except QueueFullError as error:
            errors.append(error)

    client.track(17, "a", on_delivery=track_more)
    assert client.flush(30)
    assert len(errors) == 1
    assert len(server.ids) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers of the kind")
@pytest.mark.parametrize("spooled", [False, True])
def test_a_signal_handler_may_use_the_client(
    make_client: Callable[..., Client], server: FakeServer, tmp_path: Path, *, spooled: bool
) -> None:
    client = make_client(spool=tmp_path if spooled else None)
    ids: list[str] = []

    def handle(*_: object) -> None:
        ids.append(client.track(17, "of the handler"))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)  # one at a time, however slow the machine is

    handler = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)
    try:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            ids.append(client.track(17, "a"))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)
    assert client.flush(60)
    assert server.ids == dict.fromkeys(ids, 1)


def test_flush_says_when_it_did_not_succeed(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client()
    server.always = AWAY
    client.track(17, "a")
    assert not client.flush(0.1)
    assert client.status().waiting == 1


def test_close_sends_what_is_left(make_client: Callable[..., Client], server: FakeServer) -> None:
    client = make_client(linger=60)
    ids = {client.track(17, "a") for _ in range(1_200)}
    client.close(30)
    assert set(server.ids) == ids
    with pytest.raises(ClientClosedError):
        client.track(17, "a")


def test_close_with_the_server_away_ends_in_time_and_names_what_is_lost(
    make_client: Callable[..., Client], server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Outcome] = []
    client = make_client(on_delivery=outcomes.append, batch_events=2)
    server.always = problem(503, "kafka_unavailable", "Kafka cannot be reached.")
    ids = [client.track(17, "a") for _ in range(5)]
    eventually(lambda: client.status().trouble)
    began = time.monotonic()
    client.close(0.5)
    assert time.monotonic() - began < 10
    reason = "503 kafka_unavailable Kafka cannot be reached."
    assert outcomes == [Undelivered(each, reason, spooled=False) for each in ids]
    assert "5 events are lost (503 kafka_unavailable" in caplog.text


def test_close_ends_in_time_even_while_a_request_hangs(
    make_client: Callable[..., Client], server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    server.gate.clear()
    client.track(17, "a")
    eventually(lambda: server.requests)
    began = time.monotonic()
    client.close(0.1)
    assert time.monotonic() - began < 10
    assert "a request has not ended in time" in caplog.text
    server.gate.set()


def test_no_request_is_given_more_time_than_the_close_has(
    make_client: Callable[..., Client], server: FakeServer
) -> None:
    client = make_client(linger=60, request_timeout=15.0)
    client.track(17, "a")
    client.close(2)
    assert server.requests[0].seconds <= 2


def test_an_unexpected_error_does_not_end_the_thread(
    make_client: Callable[..., Client], server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    server.answers.append(ZeroDivisionError())
    event_id = client.track(17, "a")
    assert client.flush(30)
    assert server.ids[event_id] == 2
    assert "unexpected error while sending" in caplog.text


def test_a_client_nobody_holds_any_more_still_delivers(make_client: Callable[..., Client], server: FakeServer) -> None:
    event_id = make_client(linger=0.2).track(17, "a")
    gc.collect()
    eventually(lambda: server.ids[event_id] == 1)


def test_a_with_block_closes(server: FakeServer, make_client: Callable[..., Client]) -> None:
    with make_client(linger=60) as client:
        event_id = client.track(17, "a")
    assert server.ids[event_id] == 1


@pytest.mark.parametrize("spooled", [False, True])
def test_track_takes_less_than_20_microseconds_where_writing_its_json_takes_two(
    make_client: Callable[..., Client], tmp_path: Path, *, spooled: bool
) -> None:
    client = make_client(spool=tmp_path if spooled else None, queue_events=10**6)
    properties = {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50, "source": "checkout", "seats": 3}

    def seconds(call: Callable[[], object]) -> float:
        began = time.thread_time()  # this thread's processor time: other processes are not the client's fault
        for _ in range(2_000):
            call()
        return time.thread_time() - began

    track = min(seconds(lambda: client.track(17, "plan_upgraded", properties)) for _ in range(8))
    json_alone = min(seconds(lambda: json.dumps(properties)) for _ in range(8))  # a slow processor takes long for both
    assert track < 10 * json_alone


def test_logs_hold_neither_payloads_nor_the_key(
    make_client: Callable[..., Client], server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "contact_events")
    client = make_client()
    server.answers.extend([AWAY, problem(400, "x"), problem(503, "x")])
    client.track(17, "confidential_name", {"secret": "confidential_value"})
    client.close(5)
    assert "confidential" not in caplog.text
    assert "ce_key" not in caplog.text
