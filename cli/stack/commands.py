"""`contact-events stack up | down | status | logs`: what make calls."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROCESS = "contact_events.process_environment"
"""Where cli/main.py leaves the environment as it was, without what `.run/stack.env` adds."""


def process_environment(context: click.Context) -> Mapping[str, str]:
    """Return the process's own environment: an address in it replaces a part, one read from stack.env does not."""
    return cast("Mapping[str, str]", context.meta[PROCESS])


@contextmanager
def told(root: Path) -> Iterator[None]:
    """Turn what went wrong into one message on standard error."""
    try:
        yield
    except StackError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        raise  # the reader of our output has gone: click ends quietly then
    except OSError as error:
        raise click.ClickException(f"{error.strerror or error}: {error.filename or root / '.run'}") from error


@click.group()
def stack() -> None:
    """Run Kafka, PostgreSQL, the server and the projector on this machine, for this folder."""


@stack.command()
@click.pass_context
def up(context: click.Context) -> None:
    """Start what is not running; do nothing where everything runs."""
    from cli.stack import lifecycle
    from cli.stack.report import summary
    from cli.stack.stack import Stack
    from cli.stack.state import Layout, locked

    begun = time.monotonic()
    root = Path.cwd()
    with told(root), locked(Layout(root), click.echo):
        found = Stack(root, process_environment(context), click.echo)
        if lifecycle.is_complete(found):
            click.echo("Everything is running already.")
        else:
            lifecycle.up(found)
            click.echo(f"Everything is running, after {time.monotonic() - begun:.1f} s.")
        click.echo(summary(found))


@stack.command()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop everything. The data stays in .run/."""
    from cli.stack import lifecycle
    from cli.stack.stack import Stack
    from cli.stack.state import Layout, locked

    root = Path.cwd()
    if not (root / ".run").is_dir():
        click.echo("Nothing is running.")
        return
    with told(root), locked(Layout(root), click.echo):
        stopped = lifecycle.down(Stack(root, process_environment(context), click.echo, as_before=True))
        click.echo(f"Stopped {stopped} parts; the data stays in .run/." if stopped else "Nothing is running.")


@stack.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Say what runs, where, and whether it can do its job. Exit code 0 only if everything can."""
    from cli.stack.report import rows, table
    from cli.stack.stack import Stack

    root = Path.cwd()
    with told(root):
        found = rows(Stack(root, process_environment(context), click.echo, as_before=True))
    click.echo(table(found))
    if any(row.trouble for row in found):
        context.exit(1)


@stack.command()
@click.option("--lines", default=10, show_default=True, help="How many lines of each log to begin with.")
@click.option("--follow/--no-follow", default=True, help="Go on as the logs grow, until Ctrl-C.")
def logs(lines: int, *, follow: bool) -> None:
    """Show the logs of all parts, each line with the name of its part."""
    from cli.stack.logs import Logs
    from cli.stack.logs import follow as follow_logs
    from cli.stack.state import Layout

    found = Logs(Layout(Path.cwd()).logs)
    for line in found.last(lines):
        click.echo(line)
    if follow:
        follow_logs(found, click.echo)
