"""The live read API against its own description: schemathesis makes up requests, sound and broken, checks answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.query.rows import Rows

ROOT = Path(__file__).parents[3]
EXAMPLES = "30" if os.environ.get("CI") or os.environ.get("REQUIRE_LANES") else "10"
SEED = "20261124"
"""So that a run says the same as the one before; another one finds something else."""

STREAM = "/api/v1/contacts/{contact_id}/event-stream"
"""Has an answer that never ends; tests/integration/query/test_streams.py is about it."""

EXCLUDED_CHECKS = {
    # JSON Schema cannot say all of the rules: a cursor that we have signed, a position of this topic, a contact that is
    # there, a range that does not end before it begins. Such requests are refused with 400, 404 or 422.
    "positive_data_acceptance",
    # Asked for the methods of a path, query tells its own; those that write are ingest's, behind the same address.
    "allow_header_conformance",
}


@pytest.fixture
def base_url(environment: dict[str, str], rows: Rows) -> Iterator[str]:
    """Serve query under granian, as users do, with a contact and some events."""
    rows.events(rows.contact(), 3)
    port = free_port()
    command = [sys.executable, "-m", "cli", "serve", "query", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while not _ready(url):
            assert time.monotonic() < deadline
            assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/readyz", retries=False, timeout=3).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_the_live_service_keeps_its_description(base_url: str, api_key: str, tmp_path: Path) -> None:
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{base_url}/api/openapi.json"),
        *("--url", base_url, "--header", f"Authorization: Bearer {api_key}", "--include-method", "GET"),
        *("--exclude-path", STREAM, "--exclude-checks", ",".join(sorted(EXCLUDED_CHECKS))),
        *("--max-examples", EXAMPLES, "--seed", SEED, "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-9000:]
    paths = json.loads((ROOT / "schemas" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    reads = [path for path, methods in paths.items() if "get" in methods and path != STREAM]
    assert f"Tested: {len(reads)}" in done.stdout
