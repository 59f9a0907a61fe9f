"""The parts under fire: broker, PostgreSQL, server and projectors, each of which can be killed, frozen and started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.stack.broker import Broker
    from cli.stack.postgres import Postgres

ROOT = Path(__file__).parents[2]


class Part(Protocol):
    """Something that the schedule may do harm to."""

    name: str

    def kill(self) -> None:
        """End it as kill -9 does, with all its children."""

    def freeze(self) -> None:
        """Stop every process of it in its tracks."""

    def thaw(self) -> None:
        """Let them go on."""

    def start(self) -> None:
        """Start it again after `kill`."""


def family(pid: int | None) -> list[psutil.Process]:
    """A process and all below it."""
    if pid is None:
        return []
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def send(processes: list[psutil.Process], number: int) -> None:
    """Signal processes that may be gone already."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class Command:
    """A `contact-events` command in a session of its own; `ended`: of its ends that nobody caused, the last words."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str], log_file: Path) -> None:
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._log_file = log_file
        self._popen: subprocess.Popen[bytes] | None = None
        self.ended: list[str] = []

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "cli", *self._arguments]
        with self._log_file.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start it again if it ended by itself, as a supervisor would."""
        if self._popen is not None and (code := self._popen.poll()) is not None:
            lines = self._log_file.read_text(encoding="utf-8", errors="replace").split("\n")
            self.ended.append(f"{code}: {' '.join([line for line in lines if line.strip()][-1:])[:300]}")
            self.start()

    def kill(self) -> None:
        """End it and its children at once."""
        assert self._popen is not None
        send(family(self._popen.pid), signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait(60)
        self._popen = None

    def freeze(self) -> None:
        """Stop it and its children."""
        if self._popen is not None:
            send(family(self._popen.pid), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._popen is not None:
            send(family(self._popen.pid), signal.SIGCONT)

    def stop(self) -> int | None:
        """End it in order."""
        if self._popen is None:
            return None
        self.thaw()
        self._popen.terminate()
        try:
            return self._popen.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


class Stacked:
    """The broker or PostgreSQL, as the embedded stack runs them."""

    def __init__(self, name: str, part: Broker | Postgres) -> None:
        self.name = name
        self._part = part
        self._frozen: list[psutil.Process] = []

    def kill(self) -> None:
        """End it at once."""
        self._part.kill()

    def start(self) -> None:
        """Start it again, on the data that it left."""
        self._part.start()

    def freeze(self) -> None:
        """Stop it and its children."""
        self._frozen = family(self._part.process.pid)
        send(self._frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        send(self._frozen, signal.SIGCONT)


def until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Poll until it holds; how long that took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"{what} did not hold within {seconds} s")
        time.sleep(0.1)
    return time.monotonic() - started
