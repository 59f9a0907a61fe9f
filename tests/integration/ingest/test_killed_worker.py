"""A worker killed with -9 under load: everything unanswered is sent again, and stands on the timeline exactly once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import urllib3

from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
EVENTS = 200
"""How many are answered before the kill at least, and how many after it."""

PATIENCE = 120
"""Seconds until a condition must hold: generous, the machine may be busy with other things."""


def ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/readyz", retries=False, timeout=3).status == 200
    except urllib3.exceptions.HTTPError:
        return False


class App:
    """Sends events the way an app should: with ids of its own, again and again until the answer is known."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=urllib3.Timeout(connect=2, read=5))
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self.answered = 0
        self.unanswered = 0

    def send(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._pool.request("POST", self._url + path, body=json.dumps(body), headers=self._headers)
            except urllib3.exceptions.HTTPError:
                self.unanswered += 1
            else:
                if answer.status < 300:
                    self.answered += 1
                    document: dict[str, Any] = answer.json()
                    return document
                assert answer.status == 503, answer.data
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)


def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    environment: dict[str, str], database_url: str, api_key: str
) -> None:
    ports = {"serve": free_port(), "projector": free_port()}
    commands = (
        ["serve", "ingest", "--port", str(ports["serve"])],
        ["projector", "run"],
    )
    variables = os.environ | environment | {"HEALTH_PORT": str(ports["projector"]), "WORKERS": "1"}
    processes = [subprocess.Popen([sys.executable, "-m", "cli", *each], cwd=ROOT, env=variables) for each in commands]
    url = f"http://127.0.0.1:{ports['serve']}"
    try:
        wait(lambda: ready(url) and ready(f"http://127.0.0.1:{ports['projector']}"))
        app = App(url, api_key)
        contact = app.send("/api/v1/contacts", {"external_id": "one"})["id"]

        enough = threading.Event()

        def send(lane: int) -> list[str]:
            sent: list[str] = []
            while not enough.is_set():
                event = {
                    "id": f"e-{lane}-{len(sent)}",
                    "name": "order_placed",
                    "occurred_at": "2026-06-07T10:30:00Z",
                }
                app.send(f"/api/v1/contacts/{contact}/events", event)
                sent.append(event["id"])
            return sent

        with ThreadPoolExecutor(16) as threads:
            lanes = [threads.submit(send, lane) for lane in range(16)]
            try:
                wait(lambda: app.answered > EVENTS)
                for worker in workers(processes[0].pid):
                    worker.kill()
                wait(lambda: app.unanswered)  # until then nothing was under way when the worker died
                reached = app.answered
                wait(lambda: app.answered > reached + EVENTS)
            finally:
                enough.set()
            sent = [event_id for lane in lanes for event_id in lane.result()]
        wait(lambda: len(timeline(database_url)) >= len(sent))
        assert sorted(timeline(database_url)) == sorted(sent)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=PATIENCE)


def workers(parent: int) -> list[psutil.Process]:
    """Find granian's worker processes: those that listen, apart from their parent."""
    found = []
    for child in psutil.Process(parent).children():
        try:
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.append(child)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # it has just ended
    return found


def timeline(database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        return [event_id for (event_id,) in connection.execute("SELECT event_id FROM projection.timeline")]


def wait(condition: Any) -> None:  # noqa: ANN401 - anything that can be called
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
