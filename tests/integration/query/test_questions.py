"""Questions that travel together: answered as of one moment, in one workspace, and never waited for too long."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from query import timeline_statements
from query.places import ask_place, with_position
from query.questions import Question
from query.reading import AT_ONCE
from query.timeline import Filters, ask_page, timeline_page
from runtime.problems import Problem

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from query.reading import Reading
    from tests.integration.query.rows import Rows

SEEN = Question("SELECT DISTINCT workspace_id FROM timeline", {}, lambda rows: {row[0] for row in rows})


def test_without_a_where_clause_only_the_declared_workspace_is_seen(
    reading: Reading, rows: Rows, foreign: int, other_workspace: int
) -> None:
    rows.event(rows.contact())

    for workspace in (rows.workspace_id, other_workspace):
        assert reading.ask(workspace, SEEN) == {workspace}
        assert reading.ask_all(workspace, SEEN)(SEEN) == {workspace}
    assert foreign


def test_a_page_with_its_predicate_removed_still_shows_nothing_foreign(
    reading: Reading, rows: Rows, foreign: int, other_workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = timeline_statements.OLDER.replace("workspace_id = %(workspace_id)s AND ", "")
    assert broken != timeline_statements.OLDER
    monkeypatch.setattr(timeline_statements, "OLDER", broken)
    page = ask_page(rows.workspace_id, foreign)

    assert reading.ask(rows.workspace_id, page).events == []
    assert reading.ask_all(rows.workspace_id, page)(page).events == []
    assert len(reading.ask(other_workspace, page).events) == 1
    assert len(reading.ask_all(other_workspace, page)(page).events) == 1


def test_nothing_is_left_of_the_declaration(
    pool: ConnectionPool[Connection[Any]], reading: Reading, rows: Rows
) -> None:
    rows.event(rows.contact())
    for together in (False, True):
        assert reading.ask_all(rows.workspace_id, SEEN)(SEEN) if together else reading.ask(rows.workspace_id, SEEN)
        with pool.connection() as connection:  # the same one: the pool has no other
            assert connection.execute("SELECT FROM timeline").fetchall() == []


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])  # the server comes to prefer the second
def test_a_statement_that_declares_its_workspace_does_so_before_it_reads(
    pool: ConnectionPool[Connection[Any]], reading: Reading, rows: Rows, plan: str
) -> None:
    contact = rows.contact()
    rows.event(contact, "wanted")
    page = with_position(ask_page(rows.workspace_id, contact, filters=Filters(names=("wanted",))))
    with pool.connection() as connection:
        connection.execute("SELECT set_config('plan_cache_mode', %s, false)", [plan])

    for _ in range(12):
        answer = reading.ask(rows.workspace_id, page)
        assert answer is not None
        assert [event.name for event in answer[1].events] == ["wanted"]
        assert answer[0] is not None
        assert answer[0].offset == rows.position.offset


def test_a_read_that_gets_no_turn_is_refused_and_every_turn_comes_back(
    reading: Reading, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query.reading.PATIENCE", 0.05)
    asked = ask_place(rows.workspace_id, rows.contact())
    bad = Question("SELECT 1 / %(number)s::int", {"number": 0}, list)
    for _ in range(AT_ONCE):
        reading._turns.acquire()  # noqa: SLF001 - as slow reads do
    with pytest.raises(Problem) as refused:
        reading.ask(rows.workspace_id, asked)
    assert refused.value.code == "timelines_unavailable"
    for _ in range(AT_ONCE):
        reading._turns.release()  # noqa: SLF001
    for _ in range(AT_ONCE + 1):
        with pytest.raises(psycopg.errors.DivisionByZero):
            reading.ask(rows.workspace_id, bad)
    assert reading.ask(rows.workspace_id, asked) is not None


def test_all_answers_are_of_one_moment_and_nothing_is_written(reading: Reading, rows: Rows) -> None:
    count = "SELECT count(*), current_setting('transaction_read_only') FROM timeline"
    first, slept, second = (
        Question(count, {}, list),
        Question("SELECT pg_sleep(0.5)", {}, list),
        Question(count, {}, list),
    )
    contact, began = rows.contact(), threading.Event()

    def write() -> None:
        began.wait(10)
        while not over.is_set():
            rows.event(contact)

    over = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        began.set()
        answers = reading.ask_all(rows.workspace_id, first, slept, second)
    finally:
        over.set()
        writer.join()

    assert answers(first) == answers(second)
    assert answers(first)[0][1] == "on"


def test_an_answer_is_the_same_asked_together_and_by_itself(reading: Reading, rows: Rows) -> None:
    contact = rows.contact()
    for name in ("plain", 'with "quotes", \\ and {braces}', "größer 🎉"):
        rows.event(contact, name, occurred_at=datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC))
    filters = Filters(
        names=('with "quotes", \\ and {braces}', "größer 🎉"), occurred_from=datetime(2026, 3, 1, 12, tzinfo=UTC)
    )
    for text in (None, "größer"):
        asked = ask_page(
            rows.workspace_id, contact, filters=Filters(filters.names, None, filters.occurred_from, None, text)
        )
        with reading(rows.workspace_id) as connection:
            alone = asked.ask(connection)

        assert reading.ask_all(rows.workspace_id, asked)(asked) == alone
        assert reading.ask(rows.workspace_id, asked) == alone
        assert len(alone.events) == (1 if text else 2)


def test_one_that_fails_fails_all_and_the_next_are_answered(reading: Reading, rows: Rows) -> None:
    contact = rows.contact()
    place, bad = ask_place(rows.workspace_id, contact), Question("SELECT 1 / %(number)s::int", {"number": 0}, list)

    with pytest.raises(psycopg.errors.DivisionByZero):
        reading.ask(rows.workspace_id, bad)
    with pytest.raises(psycopg.errors.DivisionByZero):
        reading.ask_all(rows.workspace_id, place, bad, place)
    assert reading.ask_all(rows.workspace_id, place)(place) is not None
    with reading(rows.workspace_id) as connection:
        assert timeline_page(connection, rows.workspace_id, contact).events == []


@pytest.mark.parametrize("together", [False, True])
def test_a_server_that_does_not_answer_is_given_up_and_holds_up_nobody_else(
    reading: Reading, rows: Rows, monkeypatch: pytest.MonkeyPatch, *, together: bool
) -> None:
    monkeypatch.setattr("query.reading.DEADLINE", 0.5)
    turns, over = 0, threading.Event()

    def take_turns() -> None:
        nonlocal turns
        while not over.wait(0.01):
            turns += 1

    slow = Question("SELECT pg_sleep(30)", {}, list)
    other = threading.Thread(target=take_turns)
    other.start()
    began = time.monotonic()
    try:
        with pytest.raises(Problem) as raised:
            _ = reading.ask_all(rows.workspace_id, slow) if together else reading.ask(rows.workspace_id, slow)
    finally:
        over.set()
        other.join()

    assert (raised.value.status, raised.value.code) == (503, "timelines_unavailable")
    assert time.monotonic() - began < 15
    assert turns > 5
