"""`contact-events topic tail`: watch records as they arrive, or look back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.topic_places import Moment, MomentType, Range, log_bounds, moments_range
from cli.topic_reading import OpenTopic, Selection, opened, selection_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kafka.consumer.fetcher import ConsumerRecord


@click.command()
@selection_options
@click.option("--from", "first", type=MomentType(), help="Begin with what the log took then; else with what comes.")
@click.option("--beginning", is_flag=True, help="Begin where the log begins.")
@click.option("--stop", is_flag=True, help="Stop at the end of the log as it is now, instead of waiting for more.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the record as it stands.")
@click.pass_obj
def tail(  # noqa: PLR0913 - one argument an option
    environment: Mapping[str, str],
    *,
    selection: Selection,
    first: Moment | None,
    beginning: bool,
    stop: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show records as they arrive. Moments: 2026-06-07T10:30:00Z, 2026-06-07 or 2h (ago)."""
    if beginning and first:
        raise click.UsageError("--beginning and --from: say one of them")
    with opened(environment) as topic:
        partitions = selection.partitions(topic.partitions)
        if beginning or first:
            reading = moments_range(topic.consumer, topic.name, partitions, first, None)
        else:
            _, ends = log_bounds(topic.consumer, topic.name, partitions)
            reading = Range(ends, ends)
        try:
            show(topic, reading, selection, printer(topic.partitions, as_json=as_json), stop=stop, limit=limit)
        except KeyboardInterrupt:
            return


def printer(partitions: int, *, as_json: bool) -> Callable[[ConsumerRecord], None]:
    """Give what prints one record."""
    from cli.topic_lines import json_line, text_line

    if as_json:
        return lambda record: click.echo(json_line(record), nl=False)
    return lambda record: click.echo(text_line(record, partitions))


def show(  # noqa: PLR0913 - what to read, what to take of it, where to stop
    topic: OpenTopic,
    reading: Range,
    selection: Selection,
    echo: Callable[[ConsumerRecord], None],
    *,
    stop: bool,
    limit: int | None,
) -> None:
    """Read and print. What arrives together is printed in the order in which the log took it."""
    shown = 0
    for batch in topic.batches(reading.starts, reading.ends if stop else None):
        for record in sorted(batch, key=lambda record: int(record.timestamp)):
            if not selection.takes(record.key, record.value):
                continue
            echo(record)
            shown += 1
            if shown == limit:
                return
