"""A project folder with a stack of its own, driven through the command that make calls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from cli.main import read_dotenv
from cli.stack.processes import is_dead
from cli.stack.services import CODE, PACKAGES
from cli.stack.state import Layout
from tests.integration.stack.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PARTS = {"kafka", "postgres", "server", "projector"}
NOT_INHERITED = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "TOPIC", "SECRET_KEY", "BASE_URL", "API_KEY")


def copy_code(folder: Path) -> None:
    """Copy our packages, for a stack whose code does not change while a test runs, whoever is editing."""
    for package in PACKAGES:
        shutil.copytree(CODE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))


@dataclass(frozen=True)
class Project:
    """A folder, and what a person would type in it."""

    root: Path
    code: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `contact-events stack ARGUMENTS` with these environment variables in addition."""
        env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        env["PYTHONPATH"] = str(self.code)
        command = [sys.executable, "-m", "cli", "stack", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, env=env | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def attempt(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run it; return exit code and output."""
        process = self.begin(*arguments, **variables)
        output = process.communicate(timeout=500)[0]
        return process.returncode, output

    def run(self, *arguments: str, **variables: str) -> str:
        """Run it; return its output; it must succeed."""
        code, output = self.attempt(*arguments, **variables)
        assert code == 0, output
        return output

    @property
    def env(self) -> dict[str, str]:
        return read_dotenv(self.layout.env)

    def pids(self) -> dict[str, int]:
        """Read the pid files of the parts that run."""
        found = {}
        for path in (self.layout.run / "pids").glob("*.json"):
            pid = json.loads(path.read_text())["pid"]
            if psutil.pid_exists(pid) and not is_dead(psutil.Process(pid)):
                found[path.stem] = pid
        return found

    def kill(self, parts: Iterable[str]) -> None:
        """Do as `kill -9` does to these parts' processes."""
        pids = self.pids()
        for part in parts:
            process = psutil.Process(pids[part])
            process.kill()
            eventually(lambda process=process: is_dead(process))  # type: ignore[misc] # bound now, on purpose

    def discard(self) -> None:
        """Stop everything and leave nothing behind, also not outside the folder."""
        if self.layout.run.exists():
            self.attempt("down")
            shutil.rmtree((self.layout.run / "postgres" / "server").resolve(), ignore_errors=True)


def seconds_of(project: Project, *arguments: str) -> float:
    """Measure how long a command takes."""
    begun = time.monotonic()
    project.run(*arguments)
    return time.monotonic() - begun
