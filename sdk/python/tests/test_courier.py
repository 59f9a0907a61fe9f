"""What is sent when, by a clock of the test's own: no threads."""

from __future__ import annotations

import logging
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from contact_events import exchange
from contact_events.courier import Courier, Limits
from contact_events.outbox import MemoryOutbox
from contact_events.outcomes import Accepted, Fault, Rejected
from contact_events.pace import Pace
from contact_events.transport import Response, TransportError
from sdk.python.tests.fake_server import AWAY, FakeServer, accept, accepted, items, problem, rejected, unknown

if TYPE_CHECKING:
    from contact_events import Outcome
    from sdk.python.tests.fake_server import Event


class Stand:
    """A courier, its outbox, a server, and a clock that moves only when told to."""

    def __init__(self, events: int = 10, size: int = 100_000) -> None:
        self.now = 1_000.0
        self.server = FakeServer()
        self.outbox = MemoryOutbox(10_000, 10_000_000)
        self.outcomes: list[Outcome] = []
        self.courier = Courier(
            self.outbox,
            partial(exchange.send, self.server),
            Limits(events, size, 0.1, 15.0),
            report=self.outcomes.append,
            pace=lambda: Pace(chance=lambda: 1.0),
            clock=lambda: self.now,
        )

    def put(self, *ids: str, padding: int = 0) -> None:
        for each in ids:
            assert self.outbox.put(each, b'{"id":"%s","x":"%s"}' % (each.encode(), b"x" * padding), None)

    def step(self) -> list[str]:
        """Step if the courier wants to; the ids that were sent, request by request."""
        before = len(self.server.requests)
        if self.now >= self.courier.blocked_until(hurried=False) and self.courier.ready(self.now, hurried=False):
            self.courier.step(hurried=False)
        return [" ".join(event["id"] for event in request.events) for request in self.server.requests[before:]]

    @property
    def accepted_ids(self) -> list[str]:
        return [outcome.event_id for outcome in self.outcomes if isinstance(outcome, Accepted)]


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_events_go_in_order_in_batches_of_at_most_so_many(stand: Stand) -> None:
    stand.put(*(f"e{number}" for number in range(23)))
    sent = [stand.step() for _ in range(4)]
    assert [len(batch[0].split()) for batch in sent[:3]] == [10, 10, 3]
    assert sent[3] == []
    assert stand.accepted_ids == [f"e{number}" for number in range(23)]
    assert stand.outbox.unsettled() == 0


def test_batches_have_at_most_so_many_bytes_and_an_event_larger_than_that_goes_alone() -> None:
    stand = Stand(size=1_000)
    stand.put("a", "b", "c", padding=400)
    stand.put("large", padding=5_000)
    stand.put("d")
    assert [stand.step() for _ in range(4)] == [["a b"], ["c"], ["large"], ["d"]]


def test_a_body_is_compressed_once_that_is_worth_it(stand: Stand) -> None:
    stand.put("small")
    stand.step()
    stand.put("large", padding=3_000)
    stand.step()
    small, large = stand.server.requests
    assert "Content-Encoding" not in small.headers
    assert large.headers["Content-Encoding"] == "gzip"
    assert len(large.body) < 500
    assert large.events[0]["x"] == "x" * 3_000


@pytest.mark.parametrize(
    "trouble",
    [AWAY, problem(503, "kafka_unavailable"), problem(500, "x"), Response(502, b"<html>"), Response(202, b"?")],
)
def test_while_the_server_is_away_the_same_events_are_sent_again_ever_more_slowly(
    stand: Stand, trouble: Response | TransportError
) -> None:
    stand.server.always = trouble
    stand.put("a", "b")
    began = stand.now
    attempts: list[float] = []
    while len(attempts) < 8:
        if stand.step() == ["a b"]:
            attempts.append(stand.now - began)
        stand.now += 0.25
    assert [later - sooner for sooner, later in pairwise(attempts)] == [0.5, 1, 2, 4, 8, 16, 30]
    assert stand.courier.counts.trouble
    assert stand.outcomes == []
    stand.server.always = None
    stand.now += 31
    stand.put("c")
    assert stand.step() == ["a b c"]
    assert stand.accepted_ids == ["a", "b", "c"]
    assert stand.courier.counts.trouble is None
    stand.put("d")
    assert stand.step() == ["d"]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(stand: Stand, status: int) -> None:
    stand.server.answers.append(problem(status, "slow_down", retry_after="7"))
    stand.put("a")
    stand.step()
    stand.now += 6.99
    assert stand.step() == []
    stand.now += 0.01 + 7 / 4
    assert stand.step() == ["a"]


def test_a_hurry_shortens_the_wait_but_not_below_what_the_server_asked_for(stand: Stand) -> None:
    stand.server.always = AWAY
    for _ in range(7):
        stand.put("a")
        stand.now = stand.courier.blocked_until(hurried=False)
        stand.step()
    assert stand.courier.blocked_until(hurried=False) == stand.now + 30
    assert stand.courier.blocked_until(hurried=True) == stand.now + 0.5
    stand.server.always = problem(429, "slow_down", retry_after="7")
    stand.now += 30
    stand.step()
    assert stand.courier.blocked_until(hurried=True) >= stand.now + 7


def test_each_item_has_its_own_fate(stand: Stand) -> None:
    by_id = {"good": accepted, "bad": rejected, "late": unknown}
    stand.server.always = lambda events: items(207, [by_id.get(event["id"], accepted)(event) for event in events])
    stand.put("good", "bad", "late", "fine")
    assert stand.step() == ["good bad late fine"]
    fault = Fault("/contact_id", "contact_not_found", "There is no such contact.")
    assert stand.outcomes == [
        Accepted("good", "at-good"),
        Rejected("bad", "contact_not_found", "There is no such contact.", (fault,)),
        Accepted("fine", "at-fine"),
    ]
    assert stand.outbox.unsettled() == 1
    assert stand.step() == []
    stand.put("next")
    assert stand.step() == ["next"]  # the others do not wait for the unknown one
    stand.now += 0.5
    by_id["late"] = accepted
    stand.put("last")
    assert stand.step() == ["late last"]
    assert stand.accepted_ids == ["good", "fine", "next", "late", "last"]
    assert stand.outbox.unsettled() == 0


def test_events_that_stay_unknown_neither_pile_up_nor_are_hammered(stand: Stand) -> None:
    stand.server.always = lambda events: items(207, [unknown(event) for event in events])
    stand.put(*(f"e{number}" for number in range(30)))
    assert len(stand.step()) == 1
    assert stand.step() == []
    assert len(stand.courier.carried) == 10
    requests = len(stand.server.requests)
    for _ in range(1_000):
        stand.now += 0.1
        stand.step()
    assert len(stand.server.requests) - requests < 15
    stand.server.always = accept
    for _ in range(400):
        stand.now += 0.1
        stand.step()
    assert sorted(stand.accepted_ids) == sorted(f"e{number}" for number in range(30))


def test_one_poisoned_event_is_found_and_its_neighbours_are_written(stand: Stand) -> None:
    def refuse_whole_batches(events: list[Event]) -> Response:
        if any(event["id"] == "e7" for event in events):
            return problem(400, "invalid_json", "Line 1 breaks off.")
        return accept(events)

    stand.server.always = refuse_whole_batches
    stand.put(*(f"e{number}" for number in range(10)))
    stand.step()
    assert stand.accepted_ids == [f"e{number}" for number in range(10) if number != 7]
    assert [outcome for outcome in stand.outcomes if isinstance(outcome, Rejected)] == [
        Rejected("e7", "invalid_json", "Line 1 breaks off.")
    ]
    assert stand.outbox.unsettled() == 0


def test_a_server_that_goes_away_while_a_batch_is_being_halved_loses_nothing(stand: Stand) -> None:
    stand.server.answers.extend([problem(413, "body_too_large"), accept, TransportError("reset")])
    stand.put("a", "b", "c", "d")
    assert stand.step() == ["a b c d", "a b", "c d"]
    assert stand.accepted_ids == ["a", "b"]
    stand.now += 1
    assert stand.step() == ["c d"]
    assert stand.outbox.unsettled() == 0


def test_with_the_first_half_in_trouble_the_second_is_not_even_sent(stand: Stand) -> None:
    stand.server.answers.extend([problem(413, "body_too_large"), problem(429, "slow_down", retry_after="7")])
    stand.put("a", "b", "c", "d")
    assert stand.step() == ["a b c d", "a b"]
    assert stand.outcomes == []
    assert stand.courier.blocked_until(hurried=True) >= stand.now + 7


@pytest.mark.parametrize(
    "answer",
    [
        problem(401, "invalid_api_key", "This API key is unknown, expired or revoked."),
        problem(403, "missing_scope"),
        problem(404, "not_found"),
        Response(301, b"", {"location": "https://elsewhere"}),
    ],
)
def test_a_wrong_key_or_address_rejects_nothing_and_is_loud(
    stand: Stand, answer: Response, caplog: pytest.LogCaptureFixture
) -> None:
    stand.server.answers.append(answer)
    stand.put("a")
    stand.step()
    assert stand.outcomes == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "held back until this is put right" in caplog.text
    assert str(answer.status) in caplog.text
    stand.now += 1
    stand.step()
    assert stand.accepted_ids == ["a"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"items": []}',
        b'{"items": [{"status": "accepted", "id": "other"}]}',
        b'{"items": [1]}',
        b'{"items": {"status": "accepted"}}',
    ],
)
def test_an_answer_that_does_not_fit_the_question_is_no_answer(stand: Stand, body: bytes) -> None:
    stand.server.answers.append(Response(202, body))
    stand.put("a")
    stand.step()
    assert stand.outcomes == []
    stand.now += 1
    assert stand.step() == ["a"]


def test_a_lasting_trouble_is_logged_now_and_then_without_payloads(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "contact_events")
    stand.server.always = AWAY
    stand.put("a", padding=50)
    for _ in range(1_000):
        stand.step()
        stand.now += 0.25
    assert 3 <= len(caplog.records) <= 5
    stand.server.always = None
    stand.now += 31
    stand.step()
    assert caplog.records[-1].message == "events get through again"
    assert "xxx" not in caplog.text


def test_a_rejection_without_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    stand = Stand()
    stand.courier._report = None  # noqa: SLF001 - as if none had been given
    stand.server.always = lambda events: items(207, [rejected(event) for event in events])
    stand.put("bad", padding=20)
    stand.step()
    assert caplog.messages == ["event bad was rejected: contact_not_found (/contact_id contact_not_found)"]
