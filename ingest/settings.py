"""What ingest needs to know from its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.settings import SettingsReader
from schemas.topic import DEFAULT_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """`max_outstanding_bytes` bounds what waits for Kafka in one process; memory grows by about three times as much.

    `workers` is how many processes share a workspace's rate limit.
    """

    bootstrap_servers: str
    database_url: str
    topic: str
    database_connections: int
    max_outstanding_bytes: int
    max_outstanding_requests: int
    workers: int

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read them; raises SettingsError naming all that is wrong."""
        reader = SettingsReader(environment)
        settings = cls(
            bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS"),
            database_url=reader.text("DATABASE_URL"),
            topic=reader.text("TOPIC", DEFAULT_TOPIC),
            database_connections=reader.integer("INGEST_DATABASE_CONNECTIONS", 8, low=1, high=100),
            max_outstanding_bytes=reader.integer("INGEST_MAX_OUTSTANDING_BYTES", 32 * 2**20, low=2**20, high=2**32),
            max_outstanding_requests=reader.integer("INGEST_MAX_OUTSTANDING_REQUESTS", 1024, low=1, high=1_000_000),
            workers=reader.integer("WORKERS", 1, low=1, high=1000),
        )
        reader.finish()
        return settings
