"""A folder with a whole stack in it, run with the commands that make calls; and what kill -9 does to it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from cli.main import read_dotenv
from cli.stack.ports import free_port
from cli.stack.stack import Stack
from cli.stack.state import Layout, State, save
from tests.e2e.system import contact_events

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("kafka", "controller", "postgres", "server", "projector", "helpdesk")


class StackFolder:
    """`environment` is what `.run/stack.env` says once the stack is up."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # The preferred ports are for people. Two test runs that start at once would fight over them.
        save(Layout(root), State(ports={part: free_port() for part in PARTS}))

    @property
    def environment(self) -> dict[str, str]:
        """Read the addresses."""
        return read_dotenv(self.root / ".run" / "stack.env")

    def run(self, *arguments: str) -> str:
        """Type a command in the folder."""
        return contact_events(*arguments, environment={}, folder=self.root)

    def up(self) -> str:
        """`make up`."""
        return self.run("stack", "up")

    def kill_everything(self) -> list[str]:
        """Kill -9 whatever the stack runs, workers and all; the names of the parts."""
        killed = []
        for pid_file in (self.root / ".run" / "pids").glob("*.json"):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(json.loads(pid_file.read_text())["pid"])
                for each in [process, *process.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
                killed.append(pid_file.stem)
        return sorted(killed)

    def discard(self) -> None:
        """Stop it all, and remove the data that PostgreSQL may keep outside the folder."""
        self.run("stack", "down")
        Stack(self.root, {}, lambda _: None, as_before=True).postgres().discard()
