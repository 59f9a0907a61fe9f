"""`python -m bench [--seconds N] [--only NAME] [--json FILE]`: measure, print the table, keep the run as JSON."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench import (
    backlog,
    client,
    export,
    latency,
    long_timeline,
    outage,
    pages,
    posts,
    projection,
    reads,
    rebuilding,
    streams,
)
from bench.report import HEADER, Figure, write_json
from bench.stand import stand

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stand import Stand

MEASUREMENTS: dict[str, Callable[[Stand, float], list[Figure]]] = {
    "posts": posts.single_posts,
    "batches": posts.batches,
    "projection": projection.projected_events,
    "backlog": backlog.backlog,
    "rebuild": rebuilding.rebuilds,
    "reads": reads.timeline_reads,
    "million": long_timeline.long_timeline,
    "latency": latency.ack_to_visible,
    "streams": streams.live_streams,
    "pages": pages.profile_page,
    "client": client.python_client,
    "export": export.exports_and_imports,
    "outage": outage.kafka_away,
}


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="How long each load runs.")
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="May be repeated.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default=Path(".run/bench.json"), show_default=True
)
def main(seconds: float, only: tuple[str, ...], json_file: Path) -> None:
    """Measure on a stand of its own: real broker, real PostgreSQL, our processes, free ports."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="contact-events-bench-") as directory:
        click.echo("Starting the stand ...")
        with stand(Path(directory)) as bench:
            click.echo(HEADER)
            for name in only or MEASUREMENTS:
                for figure in MEASUREMENTS[name](bench, seconds):
                    figures.append(figure)
                    click.echo(figure.row())
    write_json(json_file, figures, datetime.now(UTC))
    click.echo(f"Kept in {json_file}.")


main()
