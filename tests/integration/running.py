"""Server and projector as processes that a test may start, stop and kill, and what stands on the timelines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from cli.demo.api import Api
from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
SECONDS = 120.0
"""Generous: the machine may be busy with other things."""


def wait_until(holds: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.05)


class Running:
    """One server, one projector. Nothing runs until it is started."""

    def __init__(self, environment: Mapping[str, str], api_key: str, folder: Path) -> None:
        self._port, self._health_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.api_key = api_key
        self.api = Api(self.url, api_key, patience=SECONDS)
        own = {"BASE_URL": self.url, "HEALTH_PORT": str(self._health_port), "WORKERS": "1", "THREADS": "8"}
        self._environment = {**os.environ, **environment, **own, "PYTHONPATH": str(ROOT)}
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_server(self) -> None:
        self._start(self._port, "serve", "all", "--port", str(self._port))

    def start_projector(self) -> None:
        self._start(self._health_port, "projector", "run")

    def kill_server(self) -> None:
        """Kill -9 it, workers and all."""
        process = self._processes.pop("serve")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self, port: int, *arguments: str) -> None:
        log_file = self._folder / f"{arguments[0]}.log"
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *arguments],
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes[arguments[0]] = process

        def ready() -> bool:
            assert process.poll() is None, log_file.read_text(encoding="utf-8")[-3_000:]
            try:
                return (
                    urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", retries=False, timeout=2.0).status == 200
                )
            except urllib3.exceptions.HTTPError:
                return False

        wait_until(ready, f"{arguments[0]} is ready")

    def timeline(self, contact_id: int, position: str = "") -> list[dict[str, Any]]:
        """Read a whole timeline, newest first, from tables that contain `position`."""
        events: list[dict[str, Any]] = []
        query = {"position": position} if position else {}
        while True:
            page = self.api.get(f"/api/v1/contacts/{contact_id}/events", limit=200, **query).body
            events += page["data"]
            if not page["next_cursor"]:
                return events
            query = {"cursor": page["next_cursor"]}
