"""What the demo remembers between runs, in `.run/demo.json`: the hour at which its quarter ends, and its contacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

SEED: Final = 1


@dataclass(slots=True)
class Memory:
    """`contacts` are the numbers of the contacts worth looking at, by external id."""

    end: datetime
    seed: int = SEED
    contacts: dict[str, int] = field(default_factory=dict)


def recall(path: Path) -> Memory | None:
    """Read what an earlier run left; None when there was none."""
    return msgspec.json.decode(path.read_bytes(), type=Memory) if path.is_file() else None


def recall_or_begin(path: Path, now: datetime) -> Memory:
    """Read what an earlier run left, or begin with a quarter that ends at this hour."""
    return recall(path) or Memory(now.astimezone(UTC).replace(minute=0, second=0, microsecond=0))


def remember(path: Path, memory: Memory) -> None:
    """Keep it for the next run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(memory), indent=2) + b"\n")
