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

    from cli.stack.state import Layout


def is_known(command: str) -> bool:
    """Say whether `contact-events` has this subcommand."""
    if command not in COMMANDS:
        return False
    try:
        return find_spec(COMMANDS[command].partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


def run_step(arguments: Sequence[str], variables: Mapping[str, str], layout: Layout) -> str:
    """Run `contact-events ARGUMENTS` and return its output; its last words, when it fails, are the reason."""
    if not is_known(arguments[0]):
        return ""
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, env=dict(variables), cwd=layout.root, capture_output=True, text=True, check=False)
    if done.returncode:
        log = layout.log("steps")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as whole:
            whole.write(f"contact-events {' '.join(arguments)}\n{done.stdout}{done.stderr}\n")
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise StackError(
            f"`contact-events {' '.join(arguments)}` failed: {''.join(words)}\nAll of its output is in {log}"
        )
    return done.stdout


def first_key(variables: Mapping[str, str], layout: Layout) -> str:
    """Make a workspace and a key with all scopes for a database that has none of ours yet; return the key."""
    run_step(["workspaces", "create", "--name", "Demo"], variables, layout)
    told = run_step(["keys", "create", "--workspace", "1", "--name", "stack"], variables, layout).split()
    return told[-1] if told else ""
