"""The projector's settings, read whole from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runtime.settings import SettingsReader
from schemas.topic import DEFAULT_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """`batch_size` counts records, `give_up_after` seconds; `dead_letter_limit` of 10,000 records may fail, 0: any."""

    bootstrap_servers: str
    database_url: str = field(repr=False)  # it holds a password, and a traceback is a log
    topic: str
    host: str
    health_port: int
    log_level: str
    log_format: str
    batch_size: int = 5_000
    dead_letter_limit: int = 500
    give_up_after: int = 120

    @property
    def group_id(self) -> str:
        """Projectors of one topic share its partitions through this consumer group."""
        return f"{self.topic}-projector"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read them; raise SettingsError naming everything that is wrong."""
        reader = SettingsReader(environment)
        settings = cls(
            bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS"),
            database_url=reader.text("DATABASE_URL"),
            topic=reader.text("TOPIC", DEFAULT_TOPIC),
            host=reader.text("HOST", "127.0.0.1"),
            health_port=reader.integer("HEALTH_PORT", 8081, low=0, high=65_535),
            log_level=reader.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"]),
            log_format=reader.choice("LOG_FORMAT", "json", ["json", "text"]),
            batch_size=reader.integer("BATCH_SIZE", 5_000, low=1, high=50_000),
            dead_letter_limit=reader.integer("DEAD_LETTER_LIMIT", 500, low=0, high=10_000),
            give_up_after=reader.integer("GIVE_UP_AFTER", 120, low=1, high=86_400),
        )
        reader.finish()
        return settings
