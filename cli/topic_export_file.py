"""An export into a file: interrupted at any moment, it goes on where it was.

Lines go to `FILE.part`; `FILE.part.json` says how far they reach. FILE appears when it is complete, and not before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click
import msgspec

from cli.topic_checkpoint import Checkpoint, cut, held, settle
from cli.topic_lines import json_line
from cli.topic_places import Range
from cli.topic_progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from cli.topic_reading import OpenTopic, Selection

CHECKPOINT_EVERY: Final = 2.0


class Asked(msgspec.Struct, frozen=True):
    """What an export was asked for, as it was written; one that goes on must be asked for the same."""

    topic_id: str
    workspace: int | None
    contact: int | None
    names: list[str]
    first: str | None
    end: str | None
    stretches: list[str]


class State(msgspec.Struct):
    """How far it has got: `size` bytes of the file hold the `records` that stand before `positions`."""

    asked: Asked
    starts: dict[int, int]
    positions: dict[int, int]
    ends: dict[int, int]
    size: int = 0
    records: int = 0

    @property
    def done(self) -> int:
        """How many offsets have been read."""
        return sum(self.positions[partition] - start for partition, start in self.starts.items())


def selected_lines(topic: OpenTopic, reading: Range, selection: Selection) -> Iterator[list[bytes]]:
    """Read a range and write what is wanted of it as lines."""
    for batch in topic.batches(reading.starts, reading.ends):
        yield [json_line(record) for record in batch if selection.takes(record.key, record.value)]


class FileExport:
    """One export into one file. `every` is the number of seconds of work that an interruption costs at most."""

    def __init__(
        self, topic: OpenTopic, file: Path, asked: Asked, selection: Selection, every: float = CHECKPOINT_EVERY
    ) -> None:
        self._topic = topic
        self._file = file
        self._part = file.with_name(file.name + ".part")
        self._checkpoint = Checkpoint(file.with_name(file.name + ".part.json"), State)
        self._asked = asked
        self._selection = selection
        self._every = every

    def run(self, reading: Callable[[], Range], *, anew: bool) -> int:
        """Export, going on where an interrupted one was unless `anew`; return the number of records in the file."""
        with held(self._part) as out:
            state = None if anew else self._interrupted(out)
            if state is None:
                range_ = reading()
                state = State(self._asked, range_.starts, dict(range_.starts), range_.ends)
                self._checkpoint.save(state)
            cut(out, state.size)
            try:
                self._copy(out, state)
            except KeyboardInterrupt:
                click.echo("\ninterrupted; the same command goes on where this was", err=True)
                raise
            self._part.replace(self._file)
            self._checkpoint.remove()
        return state.records

    def _interrupted(self, out: BinaryIO) -> State | None:
        state = self._checkpoint.load()
        if state is None:
            return None
        if state.asked != self._asked:
            raise click.ClickException(
                f"{self._part} is of an export that was asked for something else, or of another topic. Ask for the "
                "same to go on with it, or say --overwrite to begin anew."
            )
        if settle(out) < state.size:
            raise click.ClickException(f"{self._part} is shorter than it was. Say --overwrite to begin anew.")
        click.echo(f"going on after {state.records:,} records", err=True)
        return state

    def _copy(self, out: BinaryIO, state: State) -> None:
        reading = Range(dict(state.positions), state.ends)
        progress = Progress(sum(state.ends.values()) - sum(state.starts.values()), "records")
        saved = time.monotonic()
        for lines in selected_lines(self._topic, reading, self._selection):
            out.writelines(lines)
            state.records += len(lines)
            state.positions = self._topic.positions(reading)
            progress.show(state.done, state.records)
            if time.monotonic() - saved >= self._every:
                state.size = settle(out)  # first the lines, then the word that they are there
                self._checkpoint.save(state)
                saved = time.monotonic()
        settle(out)
        progress.end()
