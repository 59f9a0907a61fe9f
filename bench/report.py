"""What a measurement yields, and how all of them are shown and kept."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

ROUNDS = 3
"""A measurement and its baseline take turns so many times, since a shared machine is not the same from minute to
minute; the figure is the round in the middle."""

T = TypeVar("T")

PACKAGES = ("flask", "granian", "kafka-python", "confluent-kafka", "psycopg", "msgspec", "marshmallow")


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` and `baseline` have the same unit; `goal` is the ratio aimed at."""

    name: str
    unit: str
    value: float
    baseline: float | None = None
    baseline_name: str = ""
    goal: float | None = None
    notes: dict[str, float | str] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return None if not self.baseline else self.value / self.baseline

    def row(self) -> str:
        """Write the line."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        goal = "" if self.goal is None else f"{self.goal:.2f}"
        baseline = "" if self.baseline is None else f"{self.baseline:,.0f}  {self.baseline_name}"
        notes = ", ".join(
            f"{name} {value if isinstance(value, str) else format(value, ',.1f')}" for name, value in self.notes.items()
        )
        return f"{self.name:<34}{self.value:>12,.1f} {self.unit:<10}{ratio:>7}{goal:>7}   {baseline:<44}{notes}"


def middle(rounds: Sequence[T], of: Callable[[T], float]) -> T:
    """Give the round in the middle."""
    return sorted(rounds, key=of)[len(rounds) // 2]


def listed(values: Sequence[float], form: str = ".2f") -> str:
    """Write what each round gave, in order."""
    return " ".join(format(value, form) for value in values)


HEADER = f"{'figure':<34}{'value':>12} {'unit':<10}{'ratio':>7}{'goal':>7}   {'baseline':<44}notes"


def machine() -> dict[str, str | int]:
    """Describe where the figures were measured."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count() or 0,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        **{package: version(package) for package in PACKAGES},
    }


def write_json(path: Path, figures: list[Figure], measured_at: datetime) -> None:
    """Keep a run."""
    document = {
        "measured_at": measured_at.isoformat(timespec="seconds"),
        "machine": machine(),
        "figures": [asdict(figure) | {"ratio": figure.ratio} for figure in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
