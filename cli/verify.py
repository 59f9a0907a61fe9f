"""`contact-events verify`: tell whether the tables are what the topic says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.proofs import advice, print_differences, print_equal, reported_faults

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.option("--rate", type=click.IntRange(min=1), help="At most so many records a second, to spare the readers.")
@click.pass_obj
def verify(environment: Mapping[str, str], rate: int | None) -> None:
    """Recompute all tables from the topic and compare them with the live ones, at the same positions.

    Exit code 0: equal. 1: they differ, and the keys of the rows that do are printed.
    """
    from projector.rebuild import DifferentError
    from projector.sets import verify as prove
    from projector.settings import Settings

    with reported_faults():
        try:
            comparison = prove(Settings.read(environment), click.echo, rate)
        except DifferentError as error:
            print_differences(error.comparison)
            raise click.ClickException(f"the tables are not what the topic says. {advice(error.comparison)}") from error
        print_equal(comparison)
