"""A short drill: every part is killed or frozen a few times under load, and every promise is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drill.drill import Drill, run_drill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(900)
def test_every_promise_is_kept_under_kills_and_freezes(tmp_path: Path) -> None:
    said: list[str] = []
    broken = run_drill(Drill(events=6_000, faults=6, seed=7, callers=3, pace=1.0), tmp_path / "drill", said.append)
    assert broken == [], "\n".join(said)
