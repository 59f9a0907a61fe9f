from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from schemas.migrations.runner import (
    DIRECTORY,
    PROJECTION,
    WRITE_SIDE,
    Migration,
    MigrationError,
    migrate,
    migrate_all,
    read_migrations,
)

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection

ONE = Migration("0001_one.sql", "CREATE TABLE one (id integer);")
TWO = Migration("0002_two.sql", "CREATE TABLE two (id integer);")
BROKEN = Migration("0002_broken.sql", "CREATE TABLE half (id integer); SELECT 1/0;")


def connect(url: str) -> Connection[tuple[object, ...]]:
    return psycopg.connect(url, autocommit=True)


def tables(connection: Connection[tuple[object, ...]], schema: str) -> set[object]:
    rows = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [schema])
    return {row[0] for row in rows} - {"applied_migrations"}


def test_each_file_is_applied_once_in_order(database_url: str) -> None:
    with connect(database_url) as connection:
        assert migrate(connection, [ONE], "room") == ["0001_one.sql"]
        assert migrate(connection, [ONE, TWO], "room") == ["0002_two.sql"]
        assert migrate(connection, [ONE, TWO], "room") == []
        assert tables(connection, "room") == {"one", "two"}


def test_a_changed_applied_file_is_refused(database_url: str) -> None:
    with connect(database_url) as connection:
        migrate(connection, [ONE], "room")
        with pytest.raises(MigrationError, match=r"0001_one\.sql was changed"):
            migrate(connection, [replace(ONE, text=ONE.text + " "), TWO], "room")
        assert tables(connection, "room") == {"one"}


def test_a_database_ahead_of_the_files_is_refused(database_url: str) -> None:
    with connect(database_url) as connection:
        migrate(connection, [ONE, TWO], "room")
        with pytest.raises(MigrationError, match=r"0002_two\.sql applied, which this version does not know"):
            migrate(connection, [ONE], "room")


def test_a_failing_file_leaves_nothing_behind(database_url: str) -> None:
    with connect(database_url) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, [ONE, BROKEN], "room")
        assert tables(connection, "room") == set()


def test_many_runners_at_once_apply_each_file_once(database_url: str) -> None:
    def run(_: int) -> list[str]:
        with connect(database_url) as connection:
            return migrate(connection, [ONE, TWO], "room")

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(run, range(8)))
    assert max(results) == ["0001_one.sql", "0002_two.sql"]
    assert results.count([]) == 7


def test_a_set_of_projection_tables_is_the_same_in_another_schema(database_url: str) -> None:
    with connect(database_url) as connection:
        assert migrate_all(connection) == []
        migrate(connection, read_migrations(DIRECTORY / PROJECTION), "projection_next")
        query = (
            "SELECT relname, relrowsecurity, relforcerowsecurity, pg_catalog.array_to_string(relacl, ',')"
            " FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'i', 'v') ORDER BY relname"
        )
        live = connection.execute(query, ["projection"]).fetchall()
        fresh = connection.execute(query, ["projection_next"]).fetchall()
    assert live == fresh
    assert {"timeline", "contacts", "positions"} <= {row[0] for row in live}


@pytest.mark.parametrize("schema", [WRITE_SIDE, PROJECTION])
def test_the_files_are_numbered_without_a_gap(schema: str) -> None:
    assert read_migrations(DIRECTORY / schema)


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0002_two.sql").write_text("SELECT 1", encoding="utf-8")
    with pytest.raises(MigrationError, match="should be 0001"):
        read_migrations(tmp_path)
