"""`contact-events projector`: build the timeline tables from the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def projector() -> None:
    """Build the timeline tables from the topic."""


@projector.command()
@click.pass_obj
def run(environment: Mapping[str, str]) -> None:
    """Project until SIGTERM; several may run, and share the topic's partitions."""
    import projector.main
    from projector.errors import StopError
    from runtime.settings import SettingsError

    try:
        projector.main.run(environment)
    except (StopError, SettingsError) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error
