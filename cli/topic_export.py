"""`contact-events topic export`: the log, or a part of it, into a file of JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.topic_export_file import Asked, FileExport, selected_lines
from cli.topic_parquet import check_parquet, to_parquet
from cli.topic_places import Moment, MomentType, Range, Stretch, StretchOfLog, moments_range, stretches_range
from cli.topic_reading import Selection, opened, selection_options, topic_id

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@selection_options
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--from", "first", type=MomentType(), help="Records that the log took at or after this moment.")
@click.option("--to", "end", type=MomentType(), help="Records that the log took before this moment.")
@click.option("--offsets", "stretches", type=StretchOfLog(), multiple=True, help="A partition's offsets; repeatable.")
@click.option("--format", "form", type=click.Choice(["ndjson", "parquet"]), default="ndjson", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace FILE, and begin anew.")
@click.pass_obj
def export(  # noqa: PLR0913 - one argument an option
    environment: Mapping[str, str],
    *,
    selection: Selection,
    file: Path,
    first: Moment | None,
    end: Moment | None,
    stretches: tuple[Stretch, ...],
    form: str,
    overwrite: bool,
) -> None:
    """Write records to FILE as JSON lines; `-` is standard output. Without a range: all that is there now.

    Interrupted, it goes on where it was when it is started again in the same way. Moments: 2026-06-07T10:30:00Z,
    2026-06-07 or 2h (ago). Offsets: 2:1000-2000, the last one not included, 2:1000- or 2:- for all of partition 2.
    """
    if stretches and (first or end):
        raise click.UsageError("--offsets, or --from and --to: say one of them")
    if form == "parquet":
        check_parquet(file)
    if str(file) != "-" and file.exists() and not overwrite:
        raise click.ClickException(f"{file} is there already. Say --overwrite to replace it.")
    with opened(environment) as topic:

        def reading() -> Range:
            if stretches:
                return stretches_range(topic.consumer, topic.name, topic.partitions, stretches)
            return moments_range(topic.consumer, topic.name, selection.partitions(topic.partitions), first, end)

        if str(file) == "-":
            records = 0
            for lines in selected_lines(topic, reading(), selection):
                sys.stdout.buffer.writelines(lines)
                records += len(lines)
        else:
            asked = _asked(topic_id(environment, topic.name), selection, first, end, stretches)
            written = file.with_name(file.name + ".ndjson") if form == "parquet" else file
            records = FileExport(topic, written, asked, selection).run(reading, anew=overwrite)
            if form == "parquet":
                to_parquet(written, file)
    click.echo(f"{records:,} records exported", err=True)


def _asked(
    id_: str, selection: Selection, first: Moment | None, end: Moment | None, stretches: tuple[Stretch, ...]
) -> Asked:
    return Asked(
        id_,
        selection.workspace,
        selection.contact,
        sorted(selection.names),
        first and first.text,
        end and end.text,
        [str(stretch) for stretch in stretches],
    )
