"""Events pass by Flask, and nobody can tell: the same answers, and the same notes, as from the routes themselves."""

from __future__ import annotations

import gc
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY
from werkzeug.test import Client, create_environ
from werkzeug.wrappers import Request

from ingest.calls import Call
from ingest.quick import QuickPosts
from tests.integration.ingest.test_answers import set_workspace

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from ingest.parts import Parts
    from runtime.service import Service
    from tests.integration.ingest.conftest import Api

EVENT = {"name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z", "properties": {"seats": 3}}
MADE = re.compile(rb'"(position|id|request_id)":"[^"]*"')

SINGLE: dict[str, tuple[Any, dict[str, str]]] = {
    "sound": (EVENT | {"id": "one"}, {}),
    "id in the header": (EVENT, {"Idempotency_Key": "two"}),
    "two ids": (EVENT | {"id": "one"}, {"Idempotency_Key": "two"}),
    "warned": (EVENT | {"name": "Plan Upgraded"}, {}),
    "faults": ({"nmae": "x", "occurred_at": "yesterday"}, {}),
    "no JSON": (b"{", {}),
    "not UTF-8": (b"\xff", {}),
    "gzip that is none": (b"{}", {"Content_Encoding": "gzip"}),
    "another kind": (b"a=1", {"Content_Type": "application/x-www-form-urlencoded"}),
    "too large": (b" " * 1_100_000, {}),
    "no key": (EVENT, {"Authorization": ""}),
    "another scheme": (EVENT, {"Authorization": "Basic eDo="}),
    "a request id of its own": (EVENT, {"X_Request_Id": "asked-by-a-test"}),
    "a request id that is none": (EVENT, {"X_Request_Id": "a b"}),
}
BATCHES: dict[str, tuple[Any, dict[str, str]]] = {
    "nothing": ({"events": []}, {}),
    "no batch": ({"evnets": []}, {}),
    "an id for all": ({"events": [EVENT]}, {"Idempotency_Key": "two"}),
    "no JSON in a batch": (b"[", {}),
    "an unreadable line": (b'{"name":\n', {"Content_Type": "application/x-ndjson"}),
}


@pytest.fixture
def flask_api(service: Service, api: Api) -> Api:
    """Call the routes of Flask themselves."""
    quick = service.app.wsgi_app  # type: ignore[attr-defined] # a Flask application
    assert isinstance(quick, QuickPosts)
    return replace(api, client=Client(quick.app))


def same(quick: TestResponse, slow: TestResponse) -> None:
    """Compare answers, but for the ids and positions that were made for each."""
    assert quick.status_code == slow.status_code
    assert sorted(quick.headers.keys()) == sorted(slow.headers.keys())
    for name in set(quick.headers.keys()) - {"X-Request-Id", "Content-Length"}:
        assert quick.headers[name] == slow.headers[name]
    assert quick.headers["X-Request-Id"]
    assert MADE.sub(b"", quick.data) == MADE.sub(b"", slow.data)


@pytest.mark.parametrize("case", SINGLE)
def test_an_event_is_answered_the_same_with_and_without_flask(api: Api, flask_api: Api, case: str) -> None:
    contact = api.contact()
    body, headers = SINGLE[case]
    for query in ("", "?dry_run=true", "?dry_run=yes", "?dryrun=true"):
        path = f"/api/v1/contacts/{contact}/events{query}"
        same(api.post(path, body, **headers), flask_api.post(path, body, **headers))


def test_so_is_an_event_of_an_unknown_contact(api: Api, flask_api: Api) -> None:
    for contact in ("999999", "0", "0017", "9" * 16):
        path = f"/api/v1/contacts/{contact}/events"
        quick = api.post(path, EVENT)
        assert quick.status_code == 404
        same(quick, flask_api.post(path, EVENT))


def test_so_are_batches(api: Api, flask_api: Api) -> None:
    contact = api.contact()
    sound, bad = EVENT | {"contact_id": contact, "id": "b"}, EVENT | {"contact_id": contact, "name": 7}
    bodies: list[tuple[Any, dict[str, str]]] = [({"events": events}, {}) for events in ([sound], [sound, bad], [bad])]
    for query in ("", "?dry_run=true"):
        for body, headers in (*bodies, *BATCHES.values()):
            path = f"/api/v1/events/batch{query}"
            same(api.post(path, body, **headers), flask_api.post(path, body, **headers))


def test_what_is_left_of_an_allowance_is_told(api: Api, flask_api: Api, database_url: str, workspace: int) -> None:
    set_workspace(database_url, workspace, {"events_per_second": 1})
    path = f"/api/v1/contacts/{api.contact()}/events"
    answers = [one.post(path, EVENT) for one in (api, flask_api) for _ in range(2)]
    assert {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= set(answers[0].headers.keys())
    assert answers[1].status_code == 429
    same(answers[1], answers[3])


def test_an_error_of_ours_is_told_the_same_way(
    api: Api, flask_api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: Parts = service.app.extensions["ingest"]  # type: ignore[attr-defined] # a Flask application
    path = f"/api/v1/contacts/{api.contact()}/events"

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(parts.recording, "record", broken)
    counted = REGISTRY.get_sample_value("ingest_problems_total", {"code": "internal_error"}) or 0
    quick = api.post(path, EVENT)
    assert (quick.status_code, json.loads(quick.data)["code"]) == (500, "internal_error")
    assert REGISTRY.get_sample_value("ingest_problems_total", {"code": "internal_error"}) == counted + 1
    same(quick, flask_api.post(path, EVENT))


@pytest.mark.parametrize("path", ["/api/v1/contacts/17/events", "/api/v1/events/batch"])
def test_nothing_of_a_refused_request_is_left_for_the_collector(service: Service, api: Api, path: str) -> None:
    api.post(path, b"{")  # what is made once is made
    gc.collect()
    gc.disable()
    try:
        bodies: list[Any] = [b"{", EVENT, {"events": []}, {"events": [{"name": 7}, EVENT]}]
        for body in bodies:
            api.post(path, body)
        assert not [each for each in gc.get_objects() if isinstance(each, Call)]
        environ = create_environ(path, method="POST", data=b"{")
        b"".join(service.app(environ, lambda *_: bytes))
        assert not [each for each in gc.get_referrers(environ) if isinstance(each, Request | dict)]
    finally:
        gc.enable()


def test_a_refusal_is_noted_under_the_route(
    api: Api, flask_api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: Parts = service.app.extensions["ingest"]  # type: ignore[attr-defined] # a Flask application
    noted: list[str] = []
    monkeypatch.setattr(parts.refusals._deliveries, "note", lambda found: noted.extend(each.endpoint for each in found))  # noqa: SLF001 - what is noted is the point
    for one in (api, flask_api):
        one.post("/api/v1/contacts/17/events", b"{")
        one.post("/api/v1/events/batch", b"{")
    assert noted == ["POST /api/v1/contacts/{contact_id}/events", "POST /api/v1/events/batch"] * 2


def test_other_methods_are_answered_by_flask(api: Api) -> None:
    allowed = api.post("/api/v1/events/batch", b"", method="PUT")
    assert (allowed.status_code, allowed.headers["Allow"]) == (405, "POST")
    assert api.post("/api/v1/contacts/17/events", b"", method="GET").status_code == 421
