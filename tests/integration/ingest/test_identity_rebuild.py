"""A lost or restored identity table never gives one person's number to another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.ingest.conftest import Api

ROOT = Path(__file__).parents[3]


def rebuild(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "identity", "rebuild"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_a_lost_table_is_made_again_from_the_log(api: Api, environment: Mapping[str, str], database_url: str) -> None:
    numbers = {name: api.contact(name) for name in ("one", "two", "three")}
    assert api.post(f"/api/v1/contacts/{numbers['three']}", b"", method="DELETE").status_code == 202
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE write_side.contact_identities RESTART IDENTITY")
    done = rebuild(environment)
    assert done.returncode == 0, done.stderr
    assert "2 contacts inserted" in done.stdout
    found = api.post("/api/v1/contacts", {"external_id": "one"})
    assert found.status_code == 200
    assert api.contact("one") == numbers["one"]
    assert api.contact("two") == numbers["two"]
    fresh = api.contact("four")
    assert fresh > max(numbers.values()), "not even an erased contact's number is given again"
    assert rebuild(environment).returncode == 0, "doing it again changes nothing"


def test_a_table_that_disagrees_with_the_log_is_reported(
    api: Api, environment: Mapping[str, str], database_url: str
) -> None:
    number = api.contact("one")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE write_side.contact_identities SET external_id = 'somebody else'")
    done = rebuild(environment)
    assert done.returncode == 1
    assert f"to somebody else than the log does: {number}" in done.stderr
