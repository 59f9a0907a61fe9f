"""Processes that outlive the command that started them, found again through a pid file.

A pid alone is no identity: after a reboot the number may be a stranger's. The file therefore also holds the start time
and the command line, and what does not match them is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil

from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SAME_START_SECONDS = 60.0
"""Start times are derived from the wall clock, which may have been set since; the command line is the sharper test."""

LOG_KEPT_BYTES = 20_000_000
"""A log above this is moved aside (one generation is kept) when its process starts anew."""

KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Account:
    """The account a process runs as, where that is not the caller's own."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Launch:
    """What to run. `fingerprint` tells a later `up` whether the running process is still what is wanted."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    account: Account | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Record:
    """What the pid file holds."""

    pid: int
    create_time: float
    argv: list[str]
    fingerprint: str


def is_dead(process: psutil.Process) -> bool:
    """Say whether a process is gone, or a zombie: dead, and not yet collected by its parent.

    A JVM's first thread ends before the others: it looks like a zombie while its files are still held.
    """
    try:
        return not process.is_running() or (process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)
    except psutil.NoSuchProcess:
        return True


MARK = "CONTACT_EVENTS_PART"
"""The environment variable by which a process without a valid pid file is still known as ours, and its children too."""


def marked(mark: str) -> Callable[[psutil.Process], bool]:
    """Recognise the processes that were started with this mark."""
    return lambda process: bool(process.environ().get(MARK) == mark)


class Supervised:
    """One detached process, known by its pid file.

    `kin` recognises what belongs to it beyond the pid file: workers that outlived it, or itself when the file was lost.
    `stop_signal` asks it to end in an orderly way, `stop_seconds` is how long it may take before it is killed.
    """

    def __init__(  # noqa: PLR0913 - each part differs in each
        self,
        name: str,
        pid_file: Path,
        log_file: Path,
        *,
        kin: Callable[[psutil.Process], bool] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_seconds: float = 30.0,
    ) -> None:
        self.name = name
        self.pid_file = pid_file
        self.log_file = log_file
        self.mark = f"{name} {pid_file.absolute()}"
        self.kin = kin or marked(self.mark)
        self.stop_signal = stop_signal
        self.stop_seconds = stop_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def record(self) -> Record | None:
        """Read the pid file; None where there is none or it makes no sense (a crash while it was written)."""
        try:
            held: dict[str, Any] = json.loads(self.pid_file.read_text(encoding="utf-8"))
            return Record(**held)
        except (OSError, ValueError, TypeError):
            return None

    def process(self) -> psutil.Process | None:
        """Find the running process, or None. A process that merely has the same number is not it."""
        self._collect()
        held = self.record()
        if held is None:
            return None
        try:
            process = psutil.Process(held.pid)
            # For a moment after its start a program's command line still reads as empty.
            if is_dead(process) or process.cmdline() not in ([], held.argv):
                return None
            if abs(process.create_time() - held.create_time) > SAME_START_SECONDS:
                return None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process

    @property
    def pid(self) -> int | None:
        """The running process's number, or None."""
        process = self.process()
        return process.pid if process else None

    def listens_on(self, port: int) -> bool:
        """Say whether it is this process, or a child of it, that answers at the port: it may be a stranger's by now."""
        process = self.process()
        if process is None:
            return False
        with suppress(psutil.Error):
            for each in (process, *process.children(recursive=True)):
                for socket in each.net_connections("tcp"):
                    if socket.status == psutil.CONN_LISTEN and socket.laddr.port == port:
                        return True
        return False

    @property
    def fingerprint(self) -> str:
        """What the running process was started as; empty when it does not run."""
        held = self.record()
        return held.fingerprint if held and self.process() else ""

    def start(self, launch: Launch) -> None:
        """Start it in a session of its own, its output added to the log file. What an earlier run left goes first."""
        self.end_kin()
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_KEPT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        account = launch.account
        with self.log_file.open("ab") as log:
            self._child = subprocess.Popen(
                list(launch.argv),
                env={**launch.env, MARK: self.mark},
                cwd=launch.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        self._write(launch)

    def _write(self, launch: Launch) -> None:
        assert self._child is not None
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._child.pid).create_time()
            held = Record(self._child.pid, started, list(launch.argv), launch.fingerprint)
            beside = self.pid_file.with_suffix(".new")
            beside.write_text(json.dumps(asdict(held)), encoding="utf-8")
            beside.replace(self.pid_file)

    def end_kin(self) -> None:
        """End what a killed process left behind, such as the workers of a server, which hold its port."""
        kin = [process for process in psutil.process_iter() if process.pid != os.getpid() and self._is_kin(process)]
        for process in kin:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(self.stop_signal)
        for process in psutil.wait_procs(kin, timeout=self.stop_seconds)[1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(KILL_SECONDS)
        self._collect()

    def _is_kin(self, process: psutil.Process) -> bool:
        try:
            return self.kin(process)
        except psutil.Error:
            return False  # gone meanwhile, or another user's: not ours either way

    def stop(self) -> bool:
        """End it: ask, wait, kill. True if it ran. A stranger with its number is left alone."""
        process = self.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(self.stop_signal)
                if not self._gone(process, self.stop_seconds):
                    process.kill()
                    if not self._gone(process, KILL_SECONDS):
                        raise StackError(f"{self.name} (pid {process.pid}) cannot be ended, not even by kill -9.")
        self.end_kin()
        self.pid_file.unlink(missing_ok=True)
        return process is not None

    def kill(self) -> None:
        """End it as kill -9 does, without a word."""
        process = self.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                self._gone(process, KILL_SECONDS)

    def _gone(self, process: psutil.Process, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._collect()
            if is_dead(process):
                return True
            time.sleep(0.05)
        return False

    def _collect(self) -> None:
        """Take note of a dead child of ours: until then the system keeps it as a zombie."""
        if self._child is not None:
            self._child.poll()

    def last_words(self, lines: int = 15) -> str:
        """Return the end of its log, for the message that says it died."""
        try:
            with self.log_file.open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - 16_000))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return "(no log)"
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
