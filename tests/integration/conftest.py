"""A system to send to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.running import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stopped(environment: dict[str, str], api_key: str, tmp_path: Path) -> Iterator[Running]:
    """Give a system of which nothing runs yet."""
    running = Running(environment, api_key, tmp_path)
    yield running
    running.stop()


@pytest.fixture
def running(stopped: Running) -> Running:
    """Give a system that runs."""
    stopped.start_projector()
    stopped.start_server()
    return stopped
