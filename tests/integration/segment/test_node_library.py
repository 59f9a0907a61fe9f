"""Segment's own library for Node, unmodified, against the live system: its calls land on the timeline."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.running import wait_until
from tests.integration.segment.test_python_library import contact

if TYPE_CHECKING:
    from tests.integration.running import Running

pytestmark = pytest.mark.node
APP = Path(__file__).parent / "node"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Install the library as its lock file says."""
    folder = tmp_path / "app"
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"the library could not be fetched: {done.stderr.strip()[:200]}")
    return folder


def test_its_calls_land_on_the_timeline(running: Running, app: Path) -> None:
    command = ["node", "app.mjs", running.url, running.api_key]
    done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"failed": []}
    contact_id = contact(running, "shop-17")
    wait_until(lambda: len(running.timeline(contact_id)) == 13, "all tracks are on the timeline")
    *features, order = running.timeline(contact_id)
    assert sorted(event["properties"]["number"] for event in features) == list(range(12))
    assert (order["name"], order["occurred_at"]) == ("Order Completed", "2026-06-07T10:30:00Z")
    profile = running.api.get(f"/api/v1/contacts/{contact_id}").body
    assert (profile["name"], profile["email"], profile["custom_data"]) == (
        "Ada Moreau",
        "ada@example.com",
        {"plan": "pro"},
    )
