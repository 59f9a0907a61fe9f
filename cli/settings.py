"""Settings that several subcommands read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from runtime.service import DEFAULT_THREADS
from runtime.settings import SettingsReader
from schemas.topic import DEFAULT_PARTITIONS, DEFAULT_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TopicCommandSettings:
    """What `topic create` needs."""

    bootstrap_servers: str
    topic: str
    partitions: int
    replication_factor: int

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read and check them."""
        reader = SettingsReader(environment)
        settings = cls(
            bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS"),
            topic=reader.text("TOPIC", DEFAULT_TOPIC),
            partitions=reader.integer("PARTITIONS", DEFAULT_PARTITIONS, low=1, high=10_000),
            replication_factor=reader.integer("REPLICATION_FACTOR", 1, low=1, high=9),
        )
        reader.finish()
        return settings


def database_url(environment: Mapping[str, str]) -> str:
    """Read the one variable that the database commands need."""
    reader = SettingsReader(environment)
    url = reader.text("DATABASE_URL")
    reader.finish()
    return url


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What `serve` needs beside the services' own settings. `threads` and `connections` are per worker process.

    With `pin_workers` the workers share the processors out among themselves, instead of all running on all of them.

    `head_seconds` bound how long a request's head may take and how long a connection may be idle, `body_seconds` how
    long its body may.
    """

    host: str
    port: int
    workers: int
    pin_workers: bool
    threads: int
    connections: int
    head_seconds: int
    body_seconds: int
    log_level: str
    log_format: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read and check them."""
        reader = SettingsReader(environment)
        settings = cls(
            host=reader.text("HOST", "127.0.0.1"),
            port=reader.integer("PORT", 8080, low=0, high=65_535),
            workers=reader.integer("WORKERS", 1, low=1, high=64),
            pin_workers=reader.choice("PIN_WORKERS", "on", ["on", "off"]) == "on",
            threads=reader.integer("THREADS", DEFAULT_THREADS, low=1, high=4_096),
            connections=reader.integer("MAX_CONNECTIONS", 2_048, low=16, high=60_000),
            head_seconds=reader.integer("HEAD_SECONDS", 30, low=1, high=600),
            body_seconds=reader.integer("BODY_SECONDS", 20, low=1, high=600),
            log_level=reader.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"]),
            log_format=reader.choice("LOG_FORMAT", "json", ["json", "text"]),
        )
        reader.finish()
        return settings
