"""Fixtures for all lanes: one real broker and PostgreSQL a session, a database and a topic of its own a test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from cli.topic import ensure_topic
from runtime.kafka import build_admin
from schemas.api_keys import SCOPES, ApiKey, insert_key
from schemas.migrations.runner import migrate_all
from tests.lanes import LANES
from tests.parts import Parts, start_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PARTITIONS = 3
"""Enough for records of several contacts to part ways, few enough to create in no time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a tool that is not here."""
    for lane in LANES:
        marked = [item for item in items if item.get_closest_marker(lane.name)]
        if marked and (reason := lane.absent()):
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Run a broker and a PostgreSQL for this session."""
    parts = start_parts(tmp_path_factory.mktemp("stack"))
    yield parts
    parts.stop()


@pytest.fixture(scope="session")
def chromium_browser() -> Iterator[Browser]:
    """Start one browser for the session: Playwright allows no second one while the first runs."""
    from tests.browser.chromium import launch  # noqa: PLC0415 - most lanes need no browser

    with launch() as browser:
        yield browser


@pytest.fixture(scope="session")
def template_database(stack: Parts) -> Iterator[str]:
    """Name a migrated database that tests are copied from: a copy takes a tenth of the time of the migrations."""
    name = f"template_{uuid4().hex[:12]}"
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(stack.database_url(name), autocommit=True) as connection:
        migrate_all(connection)
    yield name
    _drop_database(stack, name)


@pytest.fixture
def database_url(stack: Parts, template_database: str) -> Iterator[str]:
    """Make a migrated, empty database for one test; the URL is its owner's."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template_database))
        )
    yield stack.database_url(name)
    _drop_database(stack, name)


def _drop_database(stack: Parts, name: str) -> None:
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def topic(stack: Parts) -> Iterator[str]:
    """Make a topic for one test, with the contract's settings."""
    name = f"test-{uuid4().hex[:12]}"
    admin = build_admin(stack.bootstrap_servers, "tests")
    try:
        ensure_topic(admin, name, PARTITIONS, 1)
        yield name
        admin.delete_topics([name])
    finally:
        admin.close()


@pytest.fixture
def environment(stack: Parts, database_url: str, topic: str) -> dict[str, str]:
    """Describe the test's own database and topic as a process's environment does."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": database_url,
        "TOPIC": topic,
        "PARTITIONS": str(PARTITIONS),
        "SECRET_KEY": "a secret of the tests, long enough to sign",
        "BASE_URL": "http://127.0.0.1:8080",
        "LOG_LEVEL": "WARNING",
    }


@pytest.fixture
def workspace(database_url: str) -> int:
    """Make a workspace; its id."""
    return create_workspace(database_url, "Test")


@pytest.fixture
def api_key(database_url: str, workspace: int) -> str:
    """Make an API key of the workspace with every scope; its text."""
    return create_api_key(database_url, workspace, list(SCOPES))


def create_workspace(database_url: str, name: str) -> int:
    """Insert a workspace; its id."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("INSERT INTO write_side.workspaces (name) VALUES (%s) RETURNING id", [name]).fetchone()
    assert row is not None
    return int(row[0])


def create_api_key(database_url: str, workspace: int, scopes: list[str]) -> str:
    """Insert a key; its text."""
    key = ApiKey.make(os.urandom)
    with psycopg.connect(database_url) as connection:
        insert_key(connection, key=key, workspace_id=workspace, name="test", scopes=scopes, expires_at=None)
    return str(key)
