"""The live services against their own description: schemathesis makes up requests, sound and broken, checks answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

ROOT = Path(__file__).parents[2]
PATHS: dict[str, dict[str, Any]] = json.loads((ROOT / "schemas" / "openapi.json").read_text(encoding="utf-8"))["paths"]
SEED = "20261124"
"""So that a run says the same as the one before; another one finds something else."""

THOROUGHLY = bool(os.environ.get("CI") or os.environ.get("REQUIRE_LANES"))


@contextmanager
def served(service: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve under granian, as users do; give the address."""
    port = free_port()
    command = [sys.executable, "-m", "cli", "serve", service, "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not _ready(url):
            assert time.monotonic() < deadline
            assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait(timeout=120)


def _ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/readyz", retries=False, timeout=3).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def check(url: str, api_key: str, folder: Path, *options: str, without: Collection[str], operations: int) -> None:
    """Fail unless every one of so many operations answers as described; `without` are checks that are left out."""
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{url}/api/openapi.json", "--url", url),
        *("--header", f"Authorization: Bearer {api_key}", "--exclude-checks", ",".join(sorted(without))),
        *("--no-color", "--seed", SEED, *options),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=550)
    assert done.returncode == 0, done.stdout[-9000:]
    assert f"Tested: {operations}" in done.stdout
