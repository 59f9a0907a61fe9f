"""`python -m bench.scale --events 10000000`: the projector is to keep its rate as the tables grow.

Not part of the ordinary run: ten million events take some ten minutes and 20 GB of disk.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.projection import follow, produce_events
from bench.report import HEADER, Figure
from bench.stand import stand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BYTES_AN_EVENT = 2_000
"""Of free disk that is asked for: log, tables with their indexes, and the write-ahead log."""

CONTACTS = 100_000
MILLION = 1_000_000
SLOWEST = 2_000
"""Events/s below which the run is given up."""


def told(commits: Iterable[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Pass commits on, and say at each half million how far the projector is and at which rate it came there."""
    began: tuple[int, float] | None = None
    for commit in commits:
        if began is None:
            began = commit
        elif commit[0] - began[0] >= MILLION // 2:
            rate = (commit[0] - began[0]) / (commit[1] - began[1])
            click.echo(f"  {commit[0] / MILLION:5.1f} million   {rate:8,.0f} events/s")
            began = commit
        yield commit


def rate_between(commits: list[tuple[int, float]], start: int, end: int) -> float:
    """Give events/s from when `start` records were applied until `end` were."""
    first = next(commit for commit in commits if commit[0] >= start)
    last = next(commit for commit in commits if commit[0] >= end)
    return (last[0] - first[0]) / (last[1] - first[1])


@click.command()
@click.option("--events", default=10_000_000, show_default=True, type=click.IntRange(min=200_000))
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Where there is room for it.")
def main(events: int, directory: Path | None) -> None:
    """Fill a topic, let one projector work it off, and compare its rate over the last million with the first."""
    root = directory or Path(tempfile.gettempdir())
    wanted, free = events * BYTES_AN_EVENT, shutil.disk_usage(root).free
    if free < wanted:
        raise click.ClickException(
            f"{events:,} events take up to {wanted / 1e9:.0f} GB, {root} has {free / 1e9:.0f}: see --directory"
        )
    with tempfile.TemporaryDirectory(prefix="contact-events-scale-", dir=root) as folder, stand(Path(folder)) as bench:
        bench.new_topic("bench-scale")
        click.echo(f"Producing {events:,} events ...")
        produce_events(bench, events, range(1, CONTACTS + 1))
        click.echo("Projecting ...")
        with bench.projector():
            commits = list(told(follow(bench, events, seconds=120 + events / SLOWEST)))
    window = min(MILLION, events // 2)
    # The first fifth is left out: the projector starts in it.
    early = rate_between(commits, window // 5, window)
    late = rate_between(commits, events - window, events)
    name = f"projected events at {events / MILLION:g} million"
    baseline = f"at {window / MILLION:g} million, events/s"
    click.echo(HEADER)
    click.echo(Figure(name, "events/s", late, early, baseline, 0.8, {"contacts": f"{CONTACTS:,}"}).row())


if __name__ == "__main__":
    main()
