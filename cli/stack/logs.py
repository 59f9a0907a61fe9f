"""The logs of all parts as one stream, each line with the name of its part."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLL_SECONDS = 0.3
TAIL_BYTES = 200_000


class Logs:
    """Reads a folder of logs; remembers how far it has read each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[Path, int] = {}

    def last(self, lines: int) -> list[str]:
        """Return the last lines of every log, and be at the end of each."""
        found = []
        for path in sorted(self._folder.glob("*.log")):
            size = path.stat().st_size
            self._places[path] = max(0, size - TAIL_BYTES)
            tail = self._read(path)
            found += tail[-lines:] if lines > 0 else []
        return found

    def new(self) -> list[str]:
        """Return the complete lines written since the last call, also those of logs that are new."""
        return [line for path in sorted(self._folder.glob("*.log")) for line in self._read(path)]

    def _read(self, path: Path) -> list[str]:
        begin = self._places.get(path, 0)
        if path.stat().st_size < begin:
            begin = 0  # it was moved aside and begun anew
        with path.open("rb") as log:
            log.seek(begin)
            read = log.read()
        complete = read[: read.rfind(b"\n") + 1]
        self._places[path] = begin + len(complete)
        return [f"{path.stem:<10}| {line}" for line in complete.decode("utf-8", "replace").splitlines()]


def follow(logs: Logs, say: Callable[[str], None]) -> None:
    """Say what is added, until interrupted."""
    while True:
        for line in logs.new():
            say(line)
        time.sleep(POLL_SECONDS)
