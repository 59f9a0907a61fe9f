"""nginx and `schemas.routes` choose the same service for every request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.bodies import MAX_BODY
from schemas.routes import service_for

TEMPLATE = Path("runtime/nginx/contact-events.conf.template")
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]
SEGMENTS = [
    *("api", "v1", "v2", "API", "sidebar-tokens", "sidebar-tokens-2", "contacts", "17", "events", "e-1", "batch"),
    *("event-stream", "event-export", "embed", "sidebar", "static", "app.css", "", "sign-in", "healthz", "v1x", "a b"),
]


def nginx_map() -> list[tuple[re.Pattern[str] | None, str]]:
    """Read the rules of the map that sets $service, in order; None is its default."""
    text = TEMPLATE.read_text(encoding="utf-8")
    body = re.search(r'^map "\$request_method \$uri" \$service \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)
    assert body is not None
    rules: list[tuple[re.Pattern[str] | None, str]] = []
    for line in body[1].splitlines():
        rule = re.fullmatch(r'\s*(?:"~(?P<pattern>[^"]+)"|default)\s+(?P<service>\w+);', line)
        assert rule is not None, f"not understood: {line}"
        rules.append((re.compile(rule["pattern"]) if rule["pattern"] else None, rule["service"]))
    return rules


RULES = nginx_map()


def nginx_service(method: str, path: str) -> str:
    """Decide as nginx does: the first pattern that is found, else the default."""
    default = next(service for pattern, service in RULES if pattern is None)
    request = f"{method} {path}"
    return next((service for pattern, service in RULES if pattern and pattern.search(request)), default)


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("POST", "/api/v1/contacts/17/events", "ingest"),
        ("POST", "/api/v1/contacts", "ingest"),
        ("DELETE", "/api/v1/contacts/17", "ingest"),
        ("GET", "/api/v1/contacts/17/events", "query"),
        ("GET", "/api/v1/contacts/17/event-stream", "query"),
        ("POST", "/api/v1/sidebar-tokens", "query"),
        ("POST", "/api/v1/sidebar-tokens-2", "ingest"),
        ("POST", "/api/v10/contacts", "query"),
        ("GET", "/contacts/17", "query"),
        ("POST", "/sign-out", "query"),
        ("GET", "/", "query"),
    ],
)
def test_both_choose_the_service_that_the_contract_names(method: str, path: str, service: str) -> None:
    assert service_for(method, path) == service
    assert nginx_service(method, path) == service


@given(method=st.sampled_from(METHODS), segments=st.lists(st.sampled_from(SEGMENTS) | st.text(max_size=5), max_size=5))
@example(method="POST", segments=["api", "v1\n"])
@example(method="POST", segments=["", "api", "v1", "contacts"])
def test_both_choose_the_same_service_for_any_request(method: str, segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    assert nginx_service(method, path) == service_for(method, path)


def test_every_location_that_passes_a_request_on_passes_it_to_the_service_of_the_map() -> None:
    targets = re.findall(r"proxy_pass\s+([^;]+);", TEMPLATE.read_text(encoding="utf-8"))
    assert targets
    assert set(targets) == {"http://$service"}


def test_bodies_that_ingest_takes_get_through() -> None:
    limit = re.search(r"client_max_body_size (\d+)m;", TEMPLATE.read_text(encoding="utf-8"))
    assert limit is not None
    assert int(limit[1]) * 2**20 > MAX_BODY
