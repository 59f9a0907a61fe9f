"""The system as an operator runs it: commands typed one after the other, services as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import urllib3
from psycopg import sql

from cli.demo.api import Api
from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.parts import Parts

ESSENTIAL = {"PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}
SECONDS = 120.0
"""Generous: the machine may be busy with other things."""


def contact_events(*arguments: str, environment: Mapping[str, str], folder: Path) -> str:
    """Run one command to its end; its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env=clean_environment() | dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Give what any process needs and nothing of ours: a stack that runs here must not be taken for the test's."""
    return {name: value for name, value in os.environ.items() if name in ESSENTIAL}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.1)


def is_ready(address: str) -> bool:
    """Tell whether a process can do its job."""
    try:
        answer = urllib3.request("GET", f"{address}/readyz", retries=False, timeout=2.0)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200


class System:
    """Server and projector on a broker and a database that are there already."""

    def __init__(self, environment: Mapping[str, str], api_key: str, folder: Path) -> None:
        self.port, self.health_port = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.environment = dict(environment) | {"BASE_URL": self.base_url, "HEALTH_PORT": str(self.health_port)}
        self.api_key = api_key
        self.folder = folder
        self.api = Api(self.base_url, api_key, patience=SECONDS)
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both and wait until they can do their job."""
        self._spawn("serve", "all", "--port", str(self.port))
        self._projector = self._spawn("projector", "run")
        wait_until(lambda: is_ready(self.base_url), f"the server is ready\n{self.logs()}")
        wait_until(lambda: is_ready(f"http://127.0.0.1:{self.health_port}"), "the projector is ready")

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *arguments],
                env=clean_environment() | self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    @contextmanager
    def projector_frozen(self) -> Iterator[None]:
        """Keep the projector from doing anything, for a few seconds: then it would lose its partitions."""
        self._projector.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._projector.send_signal(signal.SIGCONT)

    def stop(self) -> list[int]:
        """Stop both in an orderly way; their exit codes."""
        for process in self._processes:
            process.terminate()
        codes = []
        for process in self._processes:
            try:
                codes.append(process.wait(60))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                codes.append(process.wait())
        self._processes.clear()
        return codes

    def logs(self) -> str:
        """Give the ends of the logs, for the message of a failure."""
        return "\n".join(f"{path.name}: {path.read_text()[-2_000:]}" for path in sorted(self.folder.glob("*.log")))


@contextmanager
def running_system(stack: Parts, folder: Path, workspace: str) -> Iterator[System]:
    """Set a system up as an operator does, command by command, with one workspace, and run it."""
    name = f"system_{uuid4().hex[:12]}"
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": stack.database_url(name),
        "TOPIC": name,
        "PARTITIONS": "4",
        "SECRET_KEY": "a secret of the tests, long enough to sign",
    }

    def type_in(*arguments: str) -> str:
        return contact_events(*arguments, environment=environment, folder=folder).strip()

    type_in("migrate")
    type_in("topic", "create")
    workspace_id = type_in("workspaces", "create", "--name", workspace)
    created = type_in("keys", "create", "--workspace", workspace_id, "--name", "tests")
    system = System(environment, created.split()[-1], folder)
    try:
        system.start()
        yield system
    finally:
        system.stop()
        with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def whole_timeline(api: Api, contact_id: int, **query: str) -> Iterator[dict[str, Any]]:
    """Read a contact's timeline page by page, newest first."""
    while True:
        page = api.get(f"/api/v1/contacts/{contact_id}/events", limit=100, **query).body
        yield from page["data"]
        if not page["next_cursor"]:
            return
        query = {"cursor": page["next_cursor"]}
