from __future__ import annotations

import pytest

from schemas.routes import Service, service_for


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("POST", "/api/v1/contacts/17/events", "ingest"),
        ("PATCH", "/api/v1/contacts/17", "ingest"),
        ("DELETE", "/api/v1/contacts/17/events/x", "ingest"),
        ("GET", "/api/v1/contacts/17/events", "query"),
        ("HEAD", "/api/v1/contacts/17", "query"),
        ("POST", "/api/v1/sidebar-tokens", "query"),
        ("POST", "/api/v1/sidebar-tokensandmore", "ingest"),
        ("POST", "/sign-in", "query"),
        ("GET", "/contacts/17", "query"),
        ("GET", "/", "query"),
        ("POST", "/api/v10/contacts", "query"),
    ],
)
def test_every_request_has_one_service(method: str, path: str, service: Service) -> None:
    assert service_for(method, path) == service
