"""The one command, `contact-events`: every tool of the project is a subcommand of it.

This is the only module that reads `os.environ`. Subcommands get the variables as a mapping (`click.Context.obj`) and
turn them into settings of their own.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS = {
    "stack": "cli.stack.commands:stack",
    "migrate": "cli.database:migrate",
    "topic": "cli.topic:topic",
    "workspaces": "cli.workspaces:workspaces",
    "keys": "cli.keys:keys",
    "serve": "cli.serve:serve",
    "openapi": "cli.openapi:openapi",
    "identity": "cli.identity:identity",
    "agents": "cli.agents:agents",
    "projector": "cli.projector:projector",
    "verify": "cli.verify:verify",
    "dead-letters": "cli.dead_letters:dead_letters",
    "erasure": "cli.erasure:erasure",
    "status": "cli.status:status",
    "event-names": "cli.event_names:event_names",
    "demo": "cli.demo.commands:demo",
}
"""Subcommand to `module:attribute`. Loaded when used, so that `--help` and short commands start at once."""

STACK_ENV = Path(".run") / "stack.env"


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when that subcommand is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands without importing them."""
        return [*super().list_commands(ctx), *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand's module; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute = COMMANDS[cmd_name].split(":")
        return cast("click.Command", getattr(import_module(module), attribute))


def read_dotenv(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines, as the embedded stack leaves its addresses; empty when there is no file."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


def environment(process: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Join the process's environment with the running stack's, so that a command typed beside `make up` just works.

    What is set in the environment wins.
    """
    return read_dotenv(directory / STACK_ENV) | dict(process)


def process_environment() -> dict[str, str]:
    """Read this process's environment. Called once per process: here, or in a server's worker."""
    return environment(os.environ, Path.cwd())


@click.group(cls=LazyGroup)
@click.version_option(package_name="contact-events")
@click.pass_context
def main(context: click.Context) -> None:
    """Record what your customers did, and show it to the agent who is talking to them."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # progress shows at once also through a pipe
    context.obj = process_environment()
    context.meta["contact_events.process_environment"] = dict(os.environ)  # the stack must tell these from its own
