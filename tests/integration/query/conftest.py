"""A query service of one's own on the test's database, and a projection filled as the projector fills it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from query.main import build
from tests.integration.query.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient

    from runtime.service import Service


@pytest.fixture
def rows(database_url: str, workspace: int) -> Iterator[Rows]:
    with Rows(database_url, workspace) as filled:
        yield filled


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """Describe what the query service needs: no broker."""
    return {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret of the tests, long enough to sign",
        "BASE_URL": "http://localhost",
        "THREADS": "8",
    }


@pytest.fixture
def service(environment: dict[str, str], rows: Rows) -> Iterator[Service]:  # noqa: ARG001 - the positions come first
    built = build(environment)
    yield built
    built.close()


@pytest.fixture
def app(service: Service) -> Flask:
    return service.app  # type: ignore[return-value] # a Flask application is what it is


@pytest.fixture
def client(app: Flask, api_key: str) -> FlaskClient:
    """Speak with the key of every scope."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api_key}"
    return client
