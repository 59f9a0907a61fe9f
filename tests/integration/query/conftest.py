"""A query service on a database of the module's own, and a projection filled as the projector fills it.

One database serves a whole module: tests keep out of each other's way by making contacts, or workspaces, of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from query.main import build
from query.reading import Reading
from runtime.postgres import Watchdog, build_pool, connection_string
from schemas.api_keys import SCOPES
from tests.conftest import create_api_key, create_workspace
from tests.integration.query.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from runtime.service import Service
    from tests.parts import Parts


@pytest.fixture(scope="module")
def database_url(stack: Parts, template_database: str) -> Iterator[str]:
    name = sql.Identifier(f"test_{uuid4().hex[:12]}")
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template_database)))
    yield stack.database_url(name.as_string().strip('"'))
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="module")
def workspace(database_url: str) -> int:
    return create_workspace(database_url, "Test")


@pytest.fixture(scope="module")
def api_key(database_url: str, workspace: int) -> str:
    return create_api_key(database_url, workspace, list(SCOPES))


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """Describe what the query service needs: no broker."""
    return {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret of the tests, long enough to sign",
        "BASE_URL": "http://localhost",
        "THREADS": "8",
    }


@pytest.fixture(scope="module")
def rows(database_url: str, workspace: int) -> Iterator[Rows]:
    with Rows(database_url, workspace) as filled:
        yield filled


@pytest.fixture(scope="module")
def service(environment: dict[str, str], rows: Rows) -> Iterator[Service]:  # noqa: ARG001 - the positions come first
    built = build(environment)
    yield built
    built.close()


@pytest.fixture(scope="module")
def app(service: Service) -> Flask:
    return service.app  # type: ignore[return-value] # a Flask application is what it is


@pytest.fixture
def client(app: Flask, api_key: str) -> FlaskClient:
    """Speak with the key of every scope."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api_key}"
    return client


@pytest.fixture
def other_workspace(database_url: str) -> int:
    return create_workspace(database_url, "Other")


@pytest.fixture
def stranger(app: Flask, database_url: str, other_workspace: int) -> FlaskClient:
    """Speak for the other workspace, with every scope."""
    client = app.test_client()
    key = create_api_key(database_url, other_workspace, list(SCOPES))
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


@pytest.fixture(scope="module")
def pool(database_url: str) -> Iterator[ConnectionPool[Connection[Any]]]:
    """Give the reader's one connection, for functions that are called without the service around them."""
    conninfo = connection_string(
        database_url, role="contact_events_query", schema="projection", application_name="tests"
    )
    with build_pool(conninfo, max_size=1) as pool:
        yield pool


@pytest.fixture(scope="module")
def reading(pool: ConnectionPool[Connection[Any]]) -> Reading:
    return Reading(pool, Watchdog())


@pytest.fixture
def foreign(rows: Rows, other_workspace: int) -> int:
    """Make a contact of the other workspace, with an event."""
    contact = rows.contact(workspace_id=other_workspace, name="Foreign")
    rows.event(contact, workspace_id=other_workspace)
    return contact
