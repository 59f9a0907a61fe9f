"""The one-shot commands of a start: tables, topic, and the first workspace with its key."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cli.main import COMMANDS
from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def is_known(command: str) -> bool:
    """Say whether `contact-events` has this subcommand."""
    if command not in COMMANDS:
        return False
    try:
        return find_spec(COMMANDS[command].partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


def run_step(arguments: Sequence[str], variables: Mapping[str, str], root: Path) -> str:
    """Run `contact-events ARGUMENTS` and return its output; its words, when it fails, are the reason."""
    if not is_known(arguments[0]):
        return ""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env=dict(variables),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"`contact-events {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def first_key(variables: Mapping[str, str], root: Path) -> str:
    """Make a workspace and a key with all scopes for a database that has none of ours yet; return the key."""
    run_step(["workspaces", "create", "--name", "Demo"], variables, root)
    told = run_step(["keys", "create", "--workspace", "1", "--name", "stack"], variables, root).split()
    return told[-1] if told else ""
