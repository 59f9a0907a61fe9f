"""Progress of a long command, on standard error: on a terminal one line that changes, elsewhere now and then a line."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY: Final = 0.5
"""Seconds between two looks of a terminal's line; elsewhere twenty times as long."""


class Progress:
    """Says how much of `total` is done, and how fast `what` goes by."""

    def __init__(self, total: int, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._what = what
        self._clock = clock
        self._live = sys.stderr.isatty()
        self._began = self._last = clock()
        self._first: int | None = None

    def show(self, done: int, count: int) -> None:
        """Say that `done` of the total and `count` of `what` are done; quietly when that was said a moment ago."""
        now = self._clock()
        if self._first is None:
            self._first = done
        if now - self._last < (EVERY if self._live else EVERY * 20):
            return
        self._last = now
        click.echo(("\r\x1b[K" if self._live else "") + self._line(done, count, now), err=True, nl=not self._live)

    def _line(self, done: int, count: int, now: float) -> str:
        speed = (done - (self._first or 0)) / max(now - self._began, 0.001)
        share = f"{100 * done / self._total:.0f} %" if self._total else "100 %"
        left = f", {(self._total - done) / speed:.0f} s left" if speed and done < self._total else ""
        return f"{share}  {count:,} {self._what}{left}"

    def end(self) -> None:
        """Leave the line clear for what is said next."""
        if self._live:
            click.echo("\r\x1b[K", err=True, nl=False)
