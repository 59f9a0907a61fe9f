"""The stand that everything is measured on: a broker, a PostgreSQL with its durable settings, and our own processes.

Everything lies in a temporary folder on free ports, so a running `make up` is neither used nor disturbed (though it
takes its share of the processors: measure without it).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from cli.stack.broker import start_broker
from cli.stack.ports import free_port
from cli.stack.postgres import start_postgres
from cli.topic import ensure_topic
from runtime.kafka import build_admin
from schemas.api_keys import SCOPES, ApiKey, insert_key
from schemas.migrations.runner import migrate_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.stack.broker import Broker

ROOT = Path(__file__).parents[1]
PARTITIONS = 12
SECRET_KEY = "a secret of the bench, long enough to sign"


@dataclass
class Stand:
    """Addresses, a workspace with a key, and the means to start processes."""

    directory: Path
    bootstrap_servers: str
    database_url: str
    topic: str = "contact-events"
    api_key: str = ""
    workspace_id: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    broker: Broker | None = None

    def environment(self, **more: str) -> dict[str, str]:
        """Describe the stand as a process's environment does."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "DATABASE_URL": self.database_url,
            "TOPIC": self.topic,
            "PARTITIONS": str(PARTITIONS),
            "SECRET_KEY": SECRET_KEY,
            "BASE_URL": "http://127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
            "PIN_WORKERS": os.environ.get("PIN_WORKERS", "on"),  # to measure what it does
            **more,
        }

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a superuser's connection that sees the projection's tables."""
        return psycopg.connect(self.database_url, autocommit=True, options="-c search_path=projection,write_side")

    def new_topic(self, name: str) -> str:
        """Make an empty topic and let the following processes use it."""
        admin = build_admin(self.bootstrap_servers, "bench")
        try:
            ensure_topic(admin, name, PARTITIONS, 1)
        finally:
            admin.close()
        self.topic = name
        return name

    @contextmanager
    def process(self, *arguments: str, port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a Python process (`-m module ...`) until the block ends; `port` is where it answers `/readyz`."""
        log = (self.directory / f"{'-'.join(arguments[1:3])}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=self.directory, env=self.environment(**variables), stdout=log, stderr=log
        )
        try:
            wait_ready(f"http://127.0.0.1:{port}/readyz", process)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    @contextmanager
    def server(self, service: str = "all", workers: int = 2, threads: int = 32) -> Iterator[int]:
        """Run `serve`; yields its port."""
        port = free_port()
        options = ("--port", str(port))
        with self.process(
            "-m", "cli", "serve", service, *options, port=port, WORKERS=str(workers), THREADS=str(threads)
        ):
            yield port

    @contextmanager
    def projector(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a projector."""
        port = free_port()
        with self.process("-m", "cli", "projector", "run", port=port, HEALTH_PORT=str(port)) as process:
            yield process


def wait_ready(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Wait until a process answers 200; raise when it ends or the time is over."""
    deadline = time.monotonic() + seconds
    reason = "no answer yet"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}; its log is in the stand's folder")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:  # noqa: PLR2004 - OK
                    return
        except urllib.error.HTTPError as error:
            reason = error.read().decode()
        except OSError as error:
            reason = str(error)
        time.sleep(0.05)
    raise TimeoutError(f"{url}: {reason}")


@contextmanager
def stand(directory: Path) -> Iterator[Stand]:
    """Start the parts, make tables, topic, workspace and key; stop everything at the end."""
    broker = start_broker(directory / "kafka", heap="1g")
    try:
        postgres = start_postgres(directory / "postgres")
        try:
            yield _prepare(Stand(directory, broker.bootstrap_servers, postgres.url("postgres"), broker=broker))
        finally:
            postgres.discard()
    finally:
        broker.stop()


def _prepare(bench: Stand) -> Stand:
    key = ApiKey.make(os.urandom)
    with bench.connect() as connection:
        migrate_all(connection)
        row = connection.execute("INSERT INTO write_side.workspaces (name) VALUES ('Bench') RETURNING id").fetchone()
        assert row is not None
        bench.workspace_id = int(row[0])
        insert_key(
            connection,
            key=key,
            workspace_id=bench.workspace_id,
            name="bench",
            scopes=list(SCOPES),
            expires_at=None,
        )
    bench.api_key = str(key)
    bench.new_topic("contact-events")
    return bench
