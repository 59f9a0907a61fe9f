"""Helpers for tests of sets of tables beside the live one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projector.housekeeping import NEW
from projector.sets import open_rebuild

if TYPE_CHECKING:
    from projector.settings import Settings
    from tests.integration.projector.conftest import Log, Projection


def ignore(_: str) -> None:
    """Say nothing."""


def schemas(projection: Projection) -> set[str]:
    """Name the sets that there are."""
    return {row[0] for row in projection.rows("SELECT nspname FROM pg_namespace WHERE nspname ^@ 'projection'")}


def interrupt(settings: Settings, log: Log) -> None:
    """Leave a rebuild behind that has folded everything so far."""
    with open_rebuild(settings, NEW, ignore) as rebuild:
        rebuild._fold(log.ends())  # noqa: SLF001 - as far as it came
