"""What a drill needs, built from nothing: an embedded broker and PostgreSQL of its own, server, two projectors."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import urllib3

from cli.stack.broker import start_broker
from cli.stack.ports import free_port
from cli.stack.postgres import start_postgres
from cli.topic import ensure_topic
from projector.rebuild import DifferentError
from projector.sets import verify
from projector.settings import Settings
from runtime.kafka import build_admin
from schemas.api_keys import SCOPES, ApiKey, insert_key
from schemas.migrations.runner import migrate_all
from tests.drill.evidence import gather, log_ends
from tests.drill.parts import Command, Part, Stacked, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drill.audit import Evidence
    from tests.drill.load import Ledger

PARTITIONS = 6


class Stand:
    """The parts of one drill, and what an outsider can see of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.broker = start_broker(directory / "kafka")
        self.postgres = start_postgres(directory / "postgres")
        self.postgres.ensure_database("drill")
        self.database_url = self.postgres.url("drill")
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap_servers,
            "DATABASE_URL": self.database_url,
            "TOPIC": "drill",
            "PARTITIONS": str(PARTITIONS),
            "SECRET_KEY": os.urandom(32).hex(),
            "BASE_URL": self.url,
            "LOG_LEVEL": "INFO",
        }
        self.api_key = self._prepare()
        self.server = Command(
            "server", ["serve", "all", "--port", str(port)], self.environment, directory / "server.log"
        )
        self.projectors = [
            Command(
                f"projector-{number}",
                ["projector", "run"],
                self.environment | {"HEALTH_PORT": str(free_port())},
                directory / f"projector-{number}.log",
            )
            for number in (1, 2)
        ]
        self.commands = [self.server, *self.projectors]
        stacked = [Stacked("broker", self.broker), Stacked("postgres", self.postgres)]
        self.parts: list[Part] = [*self.commands, *stacked]

    def _prepare(self) -> str:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            migrate_all(connection)
            connection.execute("INSERT INTO write_side.workspaces (name) VALUES ('Drill')")
            key = ApiKey.make(os.urandom)
            insert_key(connection, key=key, workspace_id=1, name="drill", scopes=list(SCOPES), expires_at=None)
        admin = build_admin(self.broker.bootstrap_servers, "drill")
        ensure_topic(admin, "drill", PARTITIONS, 1)
        admin.close()
        return str(key)

    def start(self) -> None:
        """Start server and projectors, and wait until the server answers."""
        for command in self.commands:
            command.start()
        until(self._ready, 120, "the server's readiness")

    def _ready(self) -> bool:
        with suppress(urllib3.exceptions.HTTPError, OSError):
            return urllib3.request("GET", f"{self.url}/readyz", retries=False, timeout=5).status == 200
        return False

    def close(self) -> None:
        """End everything that this stand started, and remove it."""
        for command in self.commands:
            command.thaw()
            command.stop()
        self.broker.kill()
        self.postgres.discard()
        shutil.rmtree(self.directory, ignore_errors=True)

    def create_contacts(self, number: int) -> list[int]:
        """Create contacts; their ids."""
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        ids: list[int] = []
        for index in range(number):
            body = json.dumps({"external_id": f"shop-{index}"}).encode()
            until(lambda body=body: self._created(body, headers, ids), 120, "a contact's creation")  # type: ignore[misc] # bound now, on purpose
        return ids

    def _created(self, body: bytes, headers: dict[str, str], ids: list[int]) -> bool:
        answer = urllib3.request("POST", f"{self.url}/api/v1/contacts", body=body, headers=headers, timeout=20)
        if answer.status == 503:  # a busy machine did not make it in three seconds
            return False
        assert answer.status in {200, 201}, answer.data
        ids.append(int(answer.json()["id"]))
        return True

    def applied(self) -> int | None:
        """How many records are applied; None while PostgreSQL does not say."""
        try:
            with psycopg.connect(
                self.database_url, connect_timeout=2, options="-c statement_timeout=2000"
            ) as connection:
                row = connection.execute("SELECT coalesce(sum(read), 0)::bigint FROM projection.positions").fetchone()
        except psycopg.Error:
            return None
        return None if row is None else int(row[0])

    def settle(self, seconds: float = 400) -> float:
        """Wait until everything in the log is applied and every tombstone is sent; how long that took."""
        return until(self._settled, seconds, "all being applied")

    def _settled(self) -> bool:
        for command in self.commands:
            command.revive()
        with suppress(psycopg.Error), psycopg.connect(self.database_url, connect_timeout=2) as connection:
            rows = connection.execute("SELECT log_partition, next_offset FROM projection.positions").fetchall()
            unsent = connection.execute("SELECT 1 FROM write_side.erasure_outbox WHERE sent_at IS NULL").fetchone()
            return {row[0]: row[1] for row in rows} == self.log_ends() and unsent is None
        return False

    def log_ends(self) -> dict[int, int]:
        """The ends of the log."""
        return log_ends(self.broker.bootstrap_servers, "drill", PARTITIONS)

    def evidence(self, ledger: Ledger) -> Evidence:
        """Gather what the audit looks at."""
        found = gather(self.broker.bootstrap_servers, "drill", PARTITIONS, self.database_url)
        found.accepted, found.sent, found.erased = ledger.accepted, ledger.sent, ledger.erased
        return found

    def rebuilt_equal(self) -> bool:
        """Tell whether making the tables again from the topic gives the same."""
        try:
            return not verify(Settings.read(self.environment), lambda _: None).differences
        except DifferentError:
            return False
