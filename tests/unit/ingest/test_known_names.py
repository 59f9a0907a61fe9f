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


class There:
    """A database in which one name was used ten times."""

    @contextmanager
    def connection(self) -> Iterator[There]:
        yield self

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def execute(self, *_: object) -> There:
        return self

    def fetchall(self) -> list[tuple[str, int]]:
        return [("plan_upgraded", 10)]


def test_what_was_wanted_is_kept_for_who_wanted_it_and_dropped_when_nobody_comes_back() -> None:
    names = KnownNames(cast("Database", There()))
    assert not names.of(1).counts
    names.refresh()  # as the thread in the background does, at any moment
    names.refresh(whatever_age=True)
    assert names._known, "nobody can have come back for it yet"  # noqa: SLF001 - `of` would be a use of it
    names.refresh(whatever_age=True)
    assert not names._known  # noqa: SLF001
    names.of(1)
    names.refresh()
    assert names.of(1).counts == {"plan_upgraded": 10}
    names.refresh(whatever_age=True)
    assert names.of(1).counts == {"plan_upgraded": 10}
