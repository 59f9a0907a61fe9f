"""`contact-events projector`: build the timeline tables from the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.proofs import advice, print_differences, print_equal, reported_faults

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

    with reported_faults():
        projector.main.run(environment)


@projector.command()
@click.option("--rate", type=click.IntRange(min=1), help="At most so many records a second, to spare the readers.")
@click.option("--accept-differences", is_flag=True, help="Swap also when the new tables differ: look at how, first.")
@click.option("--abandon", is_flag=True, help="Drop what an interrupted rebuild left, and do nothing else.")
@click.pass_obj
def rebuild(environment: Mapping[str, str], rate: int | None, accept_differences: bool, abandon: bool) -> None:  # noqa: FBT001 - flags of the command
    """Make the tables again from the topic, prove them equal, and swap them in; readers and projectors go on."""
    import projector.sets
    from projector.rebuild import DifferentError
    from projector.settings import Settings

    with reported_faults():
        settings = Settings.read(environment)
        if abandon:
            dropped = projector.sets.abandon(settings)
            click.echo("dropped the unfinished tables" if dropped else "there are no unfinished tables")
            return
        try:
            comparison = projector.sets.rebuild_and_swap(settings, click.echo, rate, accept=accept_differences)
        except KeyboardInterrupt:
            raise click.ClickException("interrupted; the same command goes on from here, --abandon drops it") from None
        except DifferentError as error:
            print_differences(error.comparison)
            raise click.ClickException(f"Nothing was swapped. {advice(error.comparison)}") from error
        if comparison.differences:
            print_differences(comparison)
            click.echo("swapped, with the differences above accepted")
        else:
            print_equal(comparison)
