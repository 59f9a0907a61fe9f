"""The live write API against its own description: schemathesis makes up requests, sound and broken, checks answers."""

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

ROOT = Path(__file__).parents[3]
EXAMPLES = "50" if os.environ.get("CI") or os.environ.get("REQUIRE_LANES") else "15"
EXCLUDED_CHECKS = {
    # JSON Schema cannot say all of the rules: U+0000 and lone surrogates anywhere, the 64-bit range of every number,
    # times up to a day ahead of now, 32 kB of text, an id in body and header alike. Such requests are refused with 422.
    "positive_data_acceptance",
}


@pytest.fixture
def base_url(environment: dict[str, str]) -> Iterator[str]:
    """Serve ingest under granian, as users do."""
    port = free_port()
    command = [sys.executable, "-m", "cli", "serve", "ingest", "--port", str(port)]
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
    body = {"external_id": "shop-1"}
    headers = {"Authorization": f"Bearer {api_key}"}
    assert urllib3.request("POST", f"{base_url}/api/v1/contacts", json=body, headers=headers).status == 201
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{base_url}/api/openapi.json"),
        *("--url", base_url, "--header", f"Authorization: Bearer {api_key}", "--include-tag", "Writing"),
        *("--exclude-checks", ",".join(sorted(EXCLUDED_CHECKS)), "--max-examples", EXAMPLES, "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-6000:]
    paths = json.loads((ROOT / "schemas" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    operations = [one for path in paths.values() for one in path.values() if "Writing" in one.get("tags", [])]
    assert f"Tested: {len(operations)}" in done.stdout
