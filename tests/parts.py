"""The real broker and the real PostgreSQL that tests run on: containers where a Docker engine answers, else embedded.

`TEST_KAFKA_BOOTSTRAP_SERVERS` and `TEST_DATABASE_URL` (both, a superuser's) name a stack that runs already: handy while
writing tests, since nothing has to start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tests.lanes import no_docker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Parts:
    """Addresses of the two parts, and how to end them."""

    kind: str
    bootstrap_servers: str
    url: str
    stop: Callable[[], None]

    def database_url(self, database: str) -> str:
        """Give the superuser's URL of one database."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))


def start_parts(directory: Path) -> Parts:
    """Start them, whichever way is possible here."""
    running = os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS"), os.environ.get("TEST_DATABASE_URL")
    if running[0] and running[1]:
        return Parts("running", running[0], running[1], lambda: None)
    if os.environ.get("TEST_CONTAINERS") != "0" and no_docker() is None:
        return _containers()
    return _embedded(directory)


def _containers() -> Parts:
    from tests.containers.lane import start_kafka, start_postgres  # noqa: PLC0415 - only where Docker is

    kafka = start_kafka()
    try:
        postgres = start_postgres()
    except BaseException:
        kafka.stop()
        raise

    def stop() -> None:
        kafka.stop()
        postgres.stop()

    return Parts("containers", kafka.address, postgres.address, stop)


def _embedded(directory: Path) -> Parts:
    from cli.stack.broker import start_broker  # noqa: PLC0415 - only where Docker is not
    from cli.stack.postgres import start_postgres  # noqa: PLC0415

    broker = start_broker(directory / "kafka")
    try:
        # Tests never cut the power, and every database they create is a file-system sync otherwise.
        postgres = start_postgres(directory / "postgres", fsync=False)
    except BaseException:
        broker.stop()
        raise

    def stop() -> None:
        broker.stop()
        postgres.discard()

    return Parts("embedded", broker.bootstrap_servers, postgres.url("postgres"), stop)
