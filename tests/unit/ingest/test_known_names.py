"""The copies of names in use, while there is nobody to read them from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ingest.database import DatabaseAwayError
from ingest.known_names import KnownNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.database import Database


class Away:
    """A database that cannot be reached; counts who tries."""

    def __init__(self) -> None:
        self.tries = 0

    @contextmanager
    def connection(self) -> Iterator[None]:
        self.tries += 1
        raise DatabaseAwayError("away")
        yield


def test_events_do_not_ask_again_and_again_while_the_database_is_away() -> None:
    away = Away()
    names = KnownNames(cast("Database", away))
    asked = names._background._roused  # noqa: SLF001 - what rouses the thread that reads, which is not started here
    assert not names.of(1).counts
    assert asked.is_set()
    asked.clear()
    names.refresh()
    assert away.tries == 1
    for _ in range(100):
        names.of(1)
    assert not asked.is_set()  # it is asked for again after the interval
    names.refresh()
    assert away.tries == 2
    names.of(2)
    assert asked.is_set()
