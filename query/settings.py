"""What the query service needs to know, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from runtime.service import DEFAULT_THREADS
from runtime.settings import SettingsReader

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """`threads` is what the server gives this process; open streams may take only a part of them."""

    database_url: str
    secret_key: str
    base_url: str
    threads: int

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read and check them."""
        reader = SettingsReader(environment)
        settings = cls(
            database_url=reader.text("DATABASE_URL"),
            secret_key=reader.text("SECRET_KEY", min_length=32),
            base_url=reader.text("BASE_URL", "http://127.0.0.1:8080").rstrip("/"),
            threads=reader.integer("THREADS", DEFAULT_THREADS, low=1, high=4_096),
        )
        reader.finish()
        return settings

    @property
    def secure(self) -> bool:
        """Whether cookies may travel over TLS alone."""
        return self.base_url.startswith("https://")
