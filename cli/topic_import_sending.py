"""Sending a file's events: in the file's order, batch by batch, with what was refused written down line by line."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from cli.demo.api import ApiError, RefusedError
from cli.topic_checkpoint import Checkpoint, cut, held, settle
from cli.topic_import_reading import Item, read_items
from cli.topic_progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from cli.demo.api import Api

BATCH: Final = 500
BATCH_BYTES: Final = 700_000
"""Of events, unpacked: below what the API takes in one request, with room for what is put around them."""

_DOORS: Final = {"segment": ("/v1/batch", "batch")}
"""Where a form has a door of its own, and the member of the body that holds the items."""

_ABOUT_THE_BODY: Final = frozenset({400, 413, 422})
_SHOWN: Final = 5
_ATTEMPTS: Final = 30
"""Each takes the API some seconds when it stays unknown whether a contact is made."""


class State(msgspec.Struct):
    """How far it has got: `done` events of the file, and `errors_size` bytes of what was refused."""

    size: int
    modified_ns: int
    base_url: str
    done: int = 0
    accepted: int = 0
    rejected: int = 0
    errors_size: int = 0
    ignored: int = 0


class Import:
    """One import of one file. `create_contacts` makes contacts that events name by an unknown external id."""

    def __init__(self, api: Api, base_url: str, file: Path, *, form: str, create_contacts: bool) -> None:
        self._api = api
        self._file = file
        self._form = form
        self._create_contacts = create_contacts
        self._errors = file.with_name(file.name + ".errors.ndjson")
        self._checkpoint = Checkpoint(file.with_name(file.name + ".import.json"), State)
        stat = file.stat()
        self._begun = State(stat.st_size, stat.st_mtime_ns, base_url)
        self._there: set[str] = set()

    @property
    def errors(self) -> Path:
        """The file of what was refused; there is none when nothing was."""
        return self._errors

    def run(self) -> State:
        """Send what has not been sent yet; return the counts."""
        state = self._interrupted() or self._begun
        total = sum(1 for _ in read_items(self._file, self._form))
        progress = Progress(total, "events")
        with held(self._errors) as errors:
            cut(errors, state.errors_size)
            items = islice(read_items(self._file, self._form), state.done, None)
            for batch in batches(items):
                self._batch(batch, state, errors)
                progress.show(state.done, state.done)
            progress.end()
            if not state.rejected:
                self._errors.unlink()
        self._checkpoint.remove()
        return state

    def _interrupted(self) -> State | None:
        state = self._checkpoint.load()
        if state is None:
            return None
        if (state.size, state.modified_ns, state.base_url) != (
            self._begun.size,
            self._begun.modified_ns,
            self._begun.base_url,
        ):
            click.echo("the file or the address has changed since the last time: beginning anew", err=True)
            return None
        click.echo(f"going on after {state.done:,} events", err=True)
        return state

    def _batch(self, batch: list[Item], state: State, errors: BinaryIO) -> None:
        sound = [item for item in batch if item.fault is None]
        if self._create_contacts:
            self._make_contacts({item.external_id for item in sound if item.external_id} - self._there)
        answers = dict(zip((item.line for item in sound), self._send(sound), strict=True))
        for item in batch:
            answer = answers.get(item.line) or {"status": "rejected", "code": "unreadable", "message": item.fault}
            if answer["status"] == "accepted":
                state.accepted += 1
            elif answer["status"] == "ignored":  # Segment's page, screen, group and alias
                state.ignored += 1
            else:
                state.rejected += 1
                self._refused(item, answer, errors, state.rejected)
        state.done += len(batch)
        state.errors_size = settle(errors)
        self._checkpoint.save(state)

    def _refused(self, item: Item, answer: dict[str, Any], errors: BinaryIO, number: int) -> None:
        line = {"line": item.line} | {key: answer[key] for key in ("code", "pointer", "message") if key in answer}
        errors.write(msgspec.json.encode(line) + b"\n")
        if number <= _SHOWN:
            click.echo(f"line {item.line}: {answer['message']}", err=True)

    def _send(self, items: list[Item]) -> list[dict[str, Any]]:
        """Send a batch; where the API refuses the whole of it, its halves, down to the one at fault."""
        if not items:
            return []
        try:
            return self._api.write_batch([msgspec.Raw(item.body) for item in items], *_DOORS.get(self._form, ()))
        except RefusedError as error:
            if error.status not in _ABOUT_THE_BODY:
                raise
            if len(items) == 1:
                return [{"status": "rejected", "code": "refused", "message": str(error)}]
        middle = len(items) // 2
        return self._send(items[:middle]) + self._send(items[middle:])

    def _make_contacts(self, external_ids: set[str]) -> None:
        """Make the contacts that are not there. Those that cannot be made are told by their events."""
        if not external_ids:
            return
        bodies = [{"external_id": external_id} for external_id in sorted(external_ids)]
        for first in range(0, len(bodies), BATCH):
            body = {"contacts": bodies[first : first + BATCH]}
            for _ in range(_ATTEMPTS):
                if not self._api.write("POST", "/api/v1/contacts/batch", body).body["unknown"]:
                    break
            else:
                raise ApiError("contacts stayed unknown")
        self._there |= external_ids


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut events into batches that the API takes."""
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH or size + len(item.body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item.body) + 1
    if batch:
        yield batch
