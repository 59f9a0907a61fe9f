"""Where a long command has got to, kept beside its file, so that it goes on there after whatever stopped it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

State = TypeVar("State", bound=msgspec.Struct)


class Checkpoint(Generic[State]):
    """One state in one small file, replaced as a whole."""

    def __init__(self, path: Path, kind: type[State]) -> None:
        self.path = path
        self._kind = kind

    def load(self) -> State | None:
        """Read the state; None when there is none."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise click.ClickException(f"{self.path} is not what this command wrote ({error}). Remove it.") from error

    def save(self, state: State) -> None:
        """Write the state; after a crash there is the old one or the new one."""
        new = self.path.with_name(self.path.name + ".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def remove(self) -> None:
        """Forget the state: the work is done."""
        self.path.unlink(missing_ok=True)


@contextmanager
def held(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading and writing, and keep a second command off it as long as it is open."""
    with path.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(f"another command is writing {path}") from error
        yield file


def cut(file: BinaryIO, size: int) -> None:
    """Take what was written after the last checkpoint off the end of a file."""
    file.truncate(size)
    file.seek(0, os.SEEK_END)


def settle(file: BinaryIO) -> int:
    """Make sure that all that was written is on the disk; the file's size."""
    file.flush()
    os.fsync(file.fileno())
    return file.tell()
