"""The whole system for the browser: real broker, real PostgreSQL, server and projector as processes of their own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.e2e.system import System, contact_events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts import Parts

PARTITIONS = 4


@contextmanager
def running_system(stack: Parts, folder: Path, workspace: str) -> Iterator[System]:
    """Set it up as an operator does, with one workspace, and run it."""
    name = f"browser_{uuid4().hex[:12]}"
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": stack.database_url(name),
        "TOPIC": name,
        "PARTITIONS": str(PARTITIONS),
        "SECRET_KEY": "a secret of the tests, long enough to sign",
    }
    contact_events("migrate", environment=environment, folder=folder)
    contact_events("topic", "create", environment=environment, folder=folder)
    contact_events("workspaces", "create", "--name", workspace, environment=environment, folder=folder)
    created = contact_events(
        "keys", "create", "--workspace", "1", "--name", "browser", environment=environment, folder=folder
    )
    system = System(environment, created.split()[-1], folder)
    try:
        system.start()
        yield system
    finally:
        system.stop()
        with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def sign_in_link(system: System, path: str) -> str:
    """Make a link as an operator does."""
    return contact_events(
        "agents", "link", "--next", path, environment=system.environment, folder=system.folder
    ).strip()


def let_frame(system: System, origin: str) -> None:
    """Let a helpdesk's origin frame the sidebar."""
    contact_events(
        "workspaces", "set", "1", "--frame-ancestor", origin, environment=system.environment, folder=system.folder
    )
