"""The second net: what a reader sees when a statement forgets its workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from query import contact_filter_statements, contact_filters, history, timeline, timeline_statements, trace
from query.contact_filters import ContactFilter, DataFilter
from query.contacts import search_contacts
from query.cursors import EPOCH, Cursor
from tests.integration.query.rows import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from query.reading import Reading
    from tests.integration.query.rows import Rows


SECURED = ["contacts", "contact_updates", "timeline", "contact_event_names", "event_names", "event_name_days",
           "event_name_settings",
           "event_name_changes", "record_copies", "erased_events", "erased_contacts"]  # fmt: skip


@pytest.mark.parametrize("table", SECURED)
def test_without_a_where_clause_only_the_declared_workspace_is_seen(
    reading: Reading, rows: Rows, foreign: int, table: str
) -> None:
    own = rows.contact()
    rows.event(own)
    statement = psycopg.sql.SQL("SELECT DISTINCT workspace_id FROM {}").format(psycopg.sql.Identifier(table))

    with reading(rows.workspace_id) as connection:
        seen = {row[0] for row in connection.execute(statement).fetchall()}

    assert seen <= {rows.workspace_id}
    assert foreign != own


def test_every_table_with_a_workspace_is_secured(pool: ConnectionPool[Connection[Any]]) -> None:
    with pool.connection() as connection:
        rows = connection.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                   has_any_column_privilege('contact_events_query', c.oid, 'SELECT')
            FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
            WHERE c.relnamespace = 'projection'::regnamespace AND c.relkind = 'r'
            """
        ).fetchall()

    readable = {name for name, _, may_read in rows if may_read}
    assert {name for name, secured, may_read in rows if may_read and not secured} == set()
    assert set(SECURED) <= readable


def test_a_read_with_its_predicate_removed_still_shows_nothing_foreign(
    reading: Reading, rows: Rows, foreign: int, other_workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = timeline_statements.OLDER.replace("workspace_id = %(workspace_id)s AND ", "")
    assert broken != timeline_statements.OLDER
    monkeypatch.setattr(timeline_statements, "OLDER", broken)

    with reading(rows.workspace_id) as connection:
        assert timeline.timeline_page(connection, rows.workspace_id, foreign).events == []
    with reading(other_workspace) as connection:
        assert len(timeline.timeline_page(connection, other_workspace, foreign).events) == 1


READS: dict[str, tuple[Any, str, Callable[[Any, int, int], object]]] = {
    "changes": (history, "_OLDER", lambda c, w, contact: history.change_page(c, w, contact).changes),
    "newer changes": (
        history,
        "_NEWER",
        lambda c, w, contact: history.change_page(c, w, contact, cursor=Cursor("newer", EPOCH, 0)).changes,
    ),
    "contact filters": (
        contact_filter_statements,
        "OLDER",
        lambda c, w, _: (
            contact_filters.filtered_contacts(c, w, ContactFilter((DataFilter("of", "string", "others"),))).contacts
        ),
    ),
    "filtered search": (
        contact_filter_statements,
        "SEARCHED",
        lambda c, w, _: contact_filters.search_filtered_contacts(
            c, w, "foreign", ContactFilter((DataFilter("of", "string", "others"),)), 10
        ),
    ),
}


@pytest.mark.parametrize("read", READS)
def test_a_newer_read_with_its_predicates_removed_shows_nothing_foreign_either(
    reading: Reading, rows: Rows, other_workspace: int, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    contact = rows.contact(workspace_id=other_workspace, name="Foreign", custom_data='{"of": "others"}')
    module, name, ask = READS[read]
    statement = getattr(module, name)
    broken = re.sub(r"(\w+\.)?workspace_id = %\(workspace_id\)s( AND)?", r"true\2", statement)
    assert "workspace_id =" not in broken
    monkeypatch.setattr(module, name, broken)

    with reading(rows.workspace_id) as connection:
        assert ask(connection, rows.workspace_id, contact) == []
    with reading(other_workspace) as connection:
        assert ask(connection, other_workspace, contact)


def test_what_is_asked_of_a_foreign_contact_is_as_of_none(
    reading: Reading, rows: Rows, foreign: int, other_workspace: int
) -> None:
    with reading(rows.workspace_id) as connection:
        assert history.contact_then(connection, other_workspace, foreign, NOON) is None
        assert trace.records_set_aside(connection, other_workspace, foreign, "x") == []
        assert connection.execute("SELECT id FROM dead_letters WHERE contact_id = %s", [foreign]).fetchall() == []


def test_a_transaction_that_declares_nothing_sees_nothing(
    pool: ConnectionPool[Connection[Any]], reading: Reading, rows: Rows, foreign: int
) -> None:
    rows.contact(name="Own")
    with reading(rows.workspace_id) as connection:
        assert connection.execute("SELECT contact_id FROM contacts").fetchall()

    with pool.connection() as connection:  # the same connection: nothing is left of the declaration before
        assert connection.execute("SELECT contact_id FROM contacts").fetchall() == []
        assert search_contacts(connection, rows.workspace_id, "foreign", 10) == []
        assert search_contacts(connection, rows.workspace_id, str(foreign), 10) == []


def test_all_reads_of_a_transaction_see_one_moment_and_write_nothing(
    reading: Reading, rows: Rows, foreign: int
) -> None:
    own = rows.contact()
    with reading(rows.workspace_id) as connection:
        before = connection.execute("SELECT count(*) FROM timeline").fetchone()
        rows.event(own)
        assert connection.execute("SELECT count(*) FROM timeline").fetchone() == before
        assert connection.execute("SELECT FROM timeline WHERE contact_id = %s", [foreign]).fetchall() == []
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
    with reading(rows.workspace_id) as connection:
        assert connection.execute("SELECT count(*) FROM timeline").fetchone() != before


def test_the_search_goes_by_the_declaration_alone(
    reading: Reading, rows: Rows, foreign: int, other_workspace: int
) -> None:
    with reading(rows.workspace_id) as connection:
        assert search_contacts(connection, other_workspace, "foreign", 10) == []
    with reading(other_workspace) as connection:
        assert [contact.id for contact in search_contacts(connection, rows.workspace_id, "foreign", 10)] == [foreign]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO projection.contacts SELECT * FROM projection.contacts",
        "UPDATE projection.timeline SET name = 'x'",
        "DELETE FROM projection.timeline",
        "SELECT * FROM projection.dead_letters",
        "SELECT * FROM write_side.contact_identities",
        "CREATE TABLE projection.x (a int)",
        "SET ROLE contact_events_search",
        "SET ROLE contact_events_projector",
    ],
)
def test_the_readers_role_may_do_no_more_than_read(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("SET SESSION AUTHORIZATION contact_events_query")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute(statement)
