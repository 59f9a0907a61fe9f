"""Where the running system is, and with what key the demo comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from runtime.settings import SettingsReader

if TYPE_CHECKING:
    from collections.abc import Mapping

HELPDESK_PORT: Final = 8090


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """`database_url` and `secret_key` serve what no API does: sign-in links, and who may frame the sidebar."""

    base_url: str
    api_key: str
    database_url: str
    secret_key: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read and check them."""
        reader = SettingsReader(environment)
        settings = cls(
            base_url=reader.text("BASE_URL").rstrip("/"),
            api_key=reader.text("API_KEY"),
            database_url=reader.text("DATABASE_URL"),
            secret_key=reader.text("SECRET_KEY", min_length=32),
        )
        reader.finish()
        return settings
