"""The drill of a server away and an app killed, in its short form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.drill.client_outage import Outage, own_system, run_outage

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_promised_is_lost_or_doubled(tmp_path: Path) -> None:
    said: list[str] = []
    with own_system(tmp_path) as running:
        broken = run_outage(Outage(seconds=6, kills=2, rate=100), running, tmp_path, said.append)
    assert broken == [], "\n".join(said)
