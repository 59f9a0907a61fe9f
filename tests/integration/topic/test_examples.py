"""Each published example, written from the docs alone, gives exactly the events that are on the timeline."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.integration.running import wait_until
from tests.integration.topic.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.running import Running
    from tests.integration.topic.conftest import Commands

EXAMPLES = ROOT / "docs" / "examples"
MOMENT = "2026-06-07T10:30:00Z"


def run(environment: Mapping[str, str], *command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Told:
    """A story with everything in it that a reader must mind, and the timelines that came of it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.kept, self.gone, self.other = (
            running.api.write("POST", "/api/v1/contacts", {"external_id": name}).body["id"]
            for name in ("kept", "gone", "other")
        )
        for contact in (self.kept, self.gone, self.other):
            self.send(contact, "first", "shop_installed", "2026-06-07T10:29:59.5Z")
            self.send(contact, "same-moment", "feature_enabled", "2026-06-07T10:29:59.500000Z")
            self.send(contact, "whole-second", "trial_started", "2026-06-07T10:29:59Z")
            self.send(contact, "twice", "plan_upgraded", MOMENT, amount=1)
            self.send(contact, "twice", "plan_upgraded", MOMENT, amount=1)
            self.send(contact, "conflict", "charge_failed", MOMENT, try_=1)
            self.send(contact, "conflict", "charge_failed", MOMENT, try_=2)
            self.send(contact, "late", "trial_ended", "2025-01-01T00:00:00+02:00", text="Größe 📦")
            self.send(contact, "erased", "plan_downgraded", MOMENT)
            running.api.write("DELETE", f"/api/v1/contacts/{contact}/events/erased", {})
            self.send(contact, "erased", "plan_downgraded", MOMENT)
        running.api.write("DELETE", f"/api/v1/contacts/{self.gone}", {})
        wait_until(lambda: [len(self.timeline(each)) for each in (self.kept, self.other)] == [6, 6], "all is applied")

    def send(self, contact: int, id_: str, name: str, occurred_at: str, **properties: object) -> None:
        event = {"id": id_, "name": name, "occurred_at": occurred_at, "properties": properties}
        self.running.api.write("POST", f"/api/v1/contacts/{contact}/events", event)

    def timeline(self, contact: int) -> list[tuple[Any, ...]]:
        fields = ("id", "name", "occurred_at", "properties")
        return [tuple(event[field] for field in fields) for event in self.running.timeline(contact)]


@pytest.fixture
def told(running: Running) -> Told:
    return Told(running)


def printed(text: str) -> list[tuple[Any, ...]]:
    events = [json.loads(line) for line in text.splitlines()]
    return [(event["id"], event["data"]["name"], event["time"], event["data"]["properties"]) for event in events]


def test_python(told: Told, environment: dict[str, str], workspace: int) -> None:
    program = (sys.executable, EXAMPLES / "timeline.py", workspace)
    for contact in (told.kept, told.other):
        assert printed(run(environment, *program, contact)) == told.timeline(contact)
    assert run(environment, *program, told.gone) == ""


@pytest.mark.kcat
def test_kcat_and_jq(told: Told, environment: dict[str, str], workspace: int) -> None:
    program = (EXAMPLES / "timeline.sh", workspace)
    for contact in (told.kept, told.other):
        assert printed(run(environment, *program, contact)) == told.timeline(contact)
    assert run(environment, *program, told.gone) == ""


def test_sql_over_an_export(
    told: Told, environment: dict[str, str], commands: Commands, workspace: int, tmp_path: Path
) -> None:
    export, database = tmp_path / "export.ndjson", tmp_path / "events.db"
    commands.run("export", str(export))
    for _ in range(2):
        assert run(environment, sys.executable, EXAMPLES / "load_export.py", export, database) == "12 events\n"
    with closing(sqlite3.connect(database)) as connection:
        for contact in (told.kept, told.other):
            rows = connection.execute(
                "SELECT id, name, time, properties FROM events WHERE source = ? AND subject = ?",
                [f"/workspaces/{workspace}", f"contacts/{contact}"],
            ).fetchall()
            found = [(id_, name, time, json.loads(properties)) for id_, name, time, properties in rows]
            assert sorted(found, key=str) == sorted(told.timeline(contact), key=str)
        (left,) = connection.execute(
            "SELECT count(*) FROM records WHERE subject = ? AND type = 'contact.event.recorded.v1'",
            [f"contacts/{told.gone}"],
        ).fetchone()
        assert left == 0


def test_duckdb_over_an_export(
    told: Told, commands: Commands, workspace: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.run("export", str(tmp_path / "export.ndjson"))
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("events.duckdb", config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute((EXAMPLES / "export.sql").read_text(encoding="utf-8"))
        for place in ("events", "'events.parquet'"):
            for contact in (told.kept, told.other):
                found = connection.execute(
                    f"SELECT id, name, epoch_us(time), properties FROM {place} WHERE source = ? AND subject = ?",
                    [f"/workspaces/{workspace}", f"contacts/{contact}"],
                ).fetchall()
                wanted = [
                    (id_, name, _microseconds(moment), properties)
                    for id_, name, moment, properties in told.timeline(contact)
                ]
                rows = [(id_, name, us, json.loads(properties)) for id_, name, us, properties in found]
                assert sorted(rows, key=str) == sorted(wanted, key=str)
            assert connection.execute(f"SELECT count(*) FROM {place}").fetchone() == (12,)


def _microseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
