"""A seeded schedule of kills and freezes, and how long recovery took after each."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.drill.parts import Command, Part

FREEZE = {"projector-1": 14.0, "projector-2": 14.0, "server": 4.0, "broker": 6.0, "postgres": 9.0}
"""Longest freeze of each part, in seconds: for projectors beyond the session timeout, so that they wake as zombies."""


@dataclass
class Fault:
    """One act, and the seconds from its end (part started or thawed) until records were applied again."""

    part: str
    act: str
    at: float
    recovered_after: float | None = None


class Chaos(threading.Thread):
    """Does harm until there were so many faults, and kills among them, or until stopped.

    `applied` gives the number of records applied, or None while it cannot be told."""

    def __init__(
        self,
        *,
        parts: Sequence[Part],
        commands: Sequence[Command],
        applied: Callable[[], int | None],
        seed: int,
        faults: int,
        kills: int,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(name="chaos", daemon=True)
        self._parts = parts
        self._commands = commands
        self._applied = applied
        self._random = random.Random(seed)
        self._number = faults
        self._kills = kills
        self._say = say
        self.stopping = threading.Event()
        self.faults: list[Fault] = []
        self.error: BaseException | None = None
        self._began = time.monotonic()

    def share(self) -> float:
        """Tell how much of the schedule is done, from 0 to 1."""
        kills = self.kills() / self._kills if self._kills else 1.0
        return min(len(self.faults) / self._number, kills, 1.0) if self.is_alive() else 1.0

    def kills(self) -> int:
        """Count the kills there were."""
        return sum(1 for fault in self.faults if fault.act == "kill")

    def run(self) -> None:
        """Work through the schedule."""
        try:
            while self.share() < 1 and not self.stopping.wait(self._random.uniform(0.3, 1.5)):
                self._do_harm()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            self.error = error

    def _do_harm(self) -> None:
        part = self._random.choice(self._parts)
        act = self._random.choice(["kill", "kill", "freeze"])
        fault = Fault(part.name, act, time.monotonic() - self._began)
        self.faults.append(fault)
        if act == "kill":
            part.kill()
            self.stopping.wait(self._random.uniform(0, 1))
            part.start()
        else:
            part.freeze()
            self.stopping.wait(self._random.uniform(0.5, FREEZE[part.name]))
            part.thaw()
        fault.recovered_after = self._await_progress()
        for command in self._commands:
            command.revive()
        self._say(f"{len(self.faults):>4} {act:<6} {part.name:<12} recovered after {fault.recovered_after or 0:.1f} s")

    def _await_progress(self) -> float | None:
        started = time.monotonic()
        before: int | None = None
        while time.monotonic() - started < 60:
            now = self._applied()
            before = now if before is None else before
            if now is not None and before is not None and now > before:
                return time.monotonic() - started
            if self.stopping.wait(0.2):
                return None
            for command in self._commands:
                command.revive()
        return None
