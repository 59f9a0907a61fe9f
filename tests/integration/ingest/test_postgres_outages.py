"""PostgreSQL away or frozen: events of known contacts go on, everything else is a quick 503."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from ingest.main import build
from runtime.authentication import utc_now
from schemas.api_keys import ApiKey
from tests.integration.ingest.conftest import Api

if TYPE_CHECKING:
    from runtime.service import Service
    from tests.integration.ingest.conftest import Log
    from tests.integration.ingest.proxy import Proxy

PATIENCE = 120
"""Seconds until all must be well again: generous, the machine may be busy with other things."""

UNPATIENT = 8
"""Seconds that no answer may take. Three are promised, and a busy machine may stretch them; a server that has fallen
silent would without our deadlines be waited for until the test ends."""

EVENT = {"name": "plan_upgraded", "occurred_at": "2026-06-07T10:30:00Z"}


@pytest.fixture
def environment(environment: dict[str, str], proxied_url: str) -> dict[str, str]:
    """Point the service to it."""
    return environment | {"DATABASE_URL": proxied_url}


@pytest.mark.parametrize("how", ["refuse", "freeze"])
def test_without_postgres_known_contacts_go_on_and_the_rest_is_a_503(
    api: Api, service: Service, proxy: Proxy, how: str
) -> None:
    contact = api.contact("one")
    assert api.post(f"/api/v1/contacts/{contact}/events", EVENT).status_code == 202
    getattr(proxy, how)()
    slowest = 0.0
    for path, body, expected in (
        (f"/api/v1/contacts/{contact}/events", EVENT, 202),
        (f"/api/v1/contacts/{contact + 1}/events", EVENT, 503),
        (f"/api/v1/contacts/{contact}/events", EVENT, 202),
        ("/api/v1/contacts", {"external_id": "two"}, 503),
        ("/api/v1/events/batch", {"events": [EVENT | {"external_id": "one"}]}, 202),
        ("/api/v1/events/batch", {"events": [EVENT | {"external_id": "three"}]}, 503),
        ("/api/v1/events/batch", {"events": [EVENT | {"external_id": name} for name in ("one", "three")]}, 207),
    ):
        begun = time.monotonic()
        answer = api.post(path, body)
        slowest = max(slowest, time.monotonic() - begun)
        assert answer.status_code == expected, (path, answer.text)
        if expected == 503:
            assert json.loads(answer.data)["code"] == "database_unavailable"
            assert answer.headers["Retry-After"] == "2"
    assert [item["status"] for item in json.loads(answer.data)["items"]] == ["accepted", "unknown"]
    stranger = Api(api.client, str(ApiKey.make(os.urandom))).post("/api/v1/contacts", {})
    assert (stranger.status_code, json.loads(stranger.data)["code"]) == (503, "keys_unavailable")
    assert slowest < UNPATIENT
    assert "PostgreSQL" in (service.checks["postgres"]() or "")
    proxy.restore()
    deadline = time.monotonic() + PATIENCE
    while api.post("/api/v1/contacts", {"external_id": "two"}).status_code not in {200, 201}:
        assert time.monotonic() < deadline


def test_segment_messages_of_known_users_go_on_and_the_whole_batch_is_asked_for_again(
    api: Api, proxy: Proxy, log: Log
) -> None:
    api.contact("one")
    track = {"type": "track", "event": "plan_upgraded", "timestamp": "2026-06-07T10:30:00Z"}
    known, unknown = (track | {"userId": name, "messageId": f"m-{name}"} for name in ("one", "two"))
    identify = {"type": "identify", "userId": "one", "messageId": "i", "traits": {"plan": "pro"}}
    bad = track | {"userId": "one", "event": ""}
    sound = {"batch": [known, unknown, identify]}
    assert api.post("/v1/batch", {"batch": [known]}).status_code == 200
    proxy.refuse()
    answer = api.post("/v1/batch", {"batch": [*sound["batch"], bad]})
    document = json.loads(answer.data)
    assert (answer.status_code, document["code"], document["success"]) == (503, "database_unavailable", False)
    assert answer.headers["Retry-After"] == "2"
    assert [item["status"] for item in document["items"]] == ["accepted", "unknown", "unknown", "rejected"]
    proxy.restore()
    deadline = time.monotonic() + PATIENCE
    while (answer := api.post("/v1/batch", sound)).status_code != 200:
        assert answer.status_code == 503, answer.text
        assert time.monotonic() < deadline
    values = [json.loads(record["value"]) for record in log.records()]
    assert {value["id"] for value in values if value["type"] != "contact.created.v1"} == {"m-one", "m-two", "i"}
    assert len({value["subject"] for value in values}) == 2


class Clocks:
    """Tell the time, some way ahead of the world's."""

    ahead = 0.0

    def now(self) -> datetime:
        return utc_now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_a_remembered_key_and_contact_outlive_their_freshness(
    environment: dict[str, str], api_key: str, proxy: Proxy
) -> None:
    clocks = Clocks()
    service = build(environment, now=clocks.now, monotonic=clocks.monotonic)
    try:
        api = Api(Client(service.app), api_key)
        path = f"/api/v1/contacts/{api.contact('one')}/events"
        assert api.post(path, EVENT).status_code == 202
        proxy.refuse()
        times = []
        for _ in range(20):
            clocks.ahead += 120.0
            begun = time.monotonic()
            assert api.post(path, EVENT).status_code == 202
            times.append(time.monotonic() - begun)
        assert sorted(times)[len(times) // 2] < 0.5, "most requests must not wait for PostgreSQL"
        clocks.ahead += 3_600
        assert api.post(path, EVENT).status_code == 503, "after an hour nobody vouches for a key any more"
    finally:
        service.close()


def test_without_postgres_an_alias_passes_with_a_warning(api: Api, proxy: Proxy) -> None:
    path = "/api/v1/event-names/plan_upgarded"
    first = api.post(path, {"alias": "plan_upgraded"}, method="PATCH")
    assert (first.status_code, json.loads(first.data)["warnings"]) == (200, [])
    proxy.refuse()
    answer = api.post(path, {"alias": "plan_upgraded"}, method="PATCH")
    assert answer.status_code == 200, answer.text
    assert [warning["code"] for warning in json.loads(answer.data)["warnings"]] == ["alias_not_checked"]
