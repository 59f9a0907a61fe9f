"""Warnings on the real stack: events through HTTP, the real projector, and what the next event is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from flask import Flask

from cli.stack.ports import free_port
from tests.integration.ingest.test_killed_worker import PATIENCE, ready, wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.parts import Parts
    from runtime.service import Service
    from tests.integration.ingest.conftest import Api

ROOT = Path(__file__).parents[3]
WHEN = {"occurred_at": "2026-06-07T10:30:00Z"}
TYPO = {"name": "plan_upgarded", **WHEN, "properties": {"mrr_delta": "50"}}
DRIFTED = {"name": "plan_upgraded", **WHEN, "properties": {"mrr_delta": "50", "plan": None}}


def codes(warnings: list[dict[str, Any]]) -> list[str]:
    return [warning["code"] for warning in warnings]


def test_the_real_projection_tells_slips_ids_and_other_types(
    environment: Mapping[str, str], service: Service, api: Api, database_url: str
) -> None:
    port = free_port()
    variables = os.environ | environment | {"HEALTH_PORT": str(port)}
    projector = subprocess.Popen([sys.executable, "-m", "cli", "projector", "run"], cwd=ROOT, env=variables)
    assert isinstance(service.app, Flask)
    parts: Parts = service.app.extensions["ingest"]
    names = parts.advice._names  # noqa: SLF001 - so that the test need not wait out the time between two reads
    contact = api.contact("shop-1")
    path = f"/api/v1/contacts/{contact}/events"

    def post(event: object) -> list[dict[str, Any]]:
        answer = api.post(path, event)
        assert answer.status_code == 202, answer.text
        warnings: list[dict[str, Any]] = json.loads(answer.data)["warnings"]
        return warnings

    try:
        wait(lambda: ready(f"http://127.0.0.1:{port}"))
        assert post(TYPO) == [], "nothing is known yet"
        usual = {"contact_id": contact, "name": "plan_upgraded", **WHEN, "properties": {"mrr_delta": 50, "plan": "pro"}}
        sent = api.post("/api/v1/events/batch", {"events": [usual] * 40})
        assert sent.status_code == 202
        wait(lambda: counted(database_url) >= 40)

        def tried(event: object) -> list[str]:
            """Without a trace: enough slips would become the usual thing."""
            return codes(json.loads(api.post(f"{path}?dry_run=true", event).data)["warnings"])

        def told() -> bool:
            names.refresh(whatever_age=True)
            return bool(tried(TYPO)) and "property_type_changed" in tried(DRIFTED)

        wait(told)

        (slip,) = post(TYPO)
        assert (slip["code"], slip["suggestion"]) == ("near_known_name", "plan_upgraded")
        (times,) = re.findall(r"which this workspace has used (\d+) times", slip["message"])
        assert int(times) >= 40
        assert codes(post({"name": "order_48213_paid", **WHEN})) == ["id_in_name"]
        assert post({"name": "step_2_done", **WHEN}) == []

        of_contact = [event | {"contact_id": contact} for event in (TYPO, DRIFTED)]
        lines = b"\n".join(json.dumps(event).encode() for event in of_contact)
        batch = api.post("/api/v1/events/batch", {"events": of_contact})
        by_lines = api.post("/api/v1/events/batch", lines, Content_Type="application/x-ndjson")
        dry = api.post("/api/v1/events/batch?dry_run=true", {"events": of_contact})
        for answer in (batch, by_lines, dry):
            told_of = [codes(item["warnings"]) for item in json.loads(answer.data)["items"]]
            assert told_of == [["near_known_name"], ["property_type_changed"]]
        assert tried(TYPO) == ["near_known_name"]

        monkey = parts.advice._names._database  # noqa: SLF001 - without it nothing is known anew, and nothing fails
        monkey.close()
        names.refresh(whatever_age=True)
        assert codes(post(TYPO)) == ["near_known_name"], "what was read still counts"
    finally:
        projector.terminate()
        projector.wait(timeout=PATIENCE)


def counted(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(count), 0) FROM projection.event_names WHERE name = 'plan_upgraded'"
        ).fetchone()
    assert row is not None
    return int(row[0])
