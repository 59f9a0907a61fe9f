"""Whole systems: one on the session's broker and database, one with a stack of its own that may be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.e2e.stack_folder import StackFolder
from tests.e2e.system import System, contact_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts import Parts


@pytest.fixture(scope="module")
def system(stack: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Set a system up as an operator does, command by command, and run it."""
    name = f"e2e_{uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("system")
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": stack.database_url(name),
        "TOPIC": name,
        "PARTITIONS": "4",
        "SECRET_KEY": "a secret of the tests, long enough to sign",
    }
    contact_events("migrate", environment=environment, folder=folder)
    contact_events("topic", "create", environment=environment, folder=folder)
    workspace = contact_events("workspaces", "create", "--name", "E2E", environment=environment, folder=folder).strip()
    created = contact_events(
        "keys", "create", "--workspace", workspace, "--name", "e2e", environment=environment, folder=folder
    )
    running = System(environment, created.split()[-1], folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackFolder]:
    """Bring a whole stack up in an empty folder."""
    folder = StackFolder(tmp_path_factory.mktemp("a folder of its own"))
    try:
        folder.up()
        yield folder
    finally:
        folder.discard()
