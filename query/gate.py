"""Read your writes: a read that names a position is answered only from tables that have reached it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from query.places import read_places
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from query.places import Place
    from query.progress import Progress
    from query.reading import Reading
    from schemas.positions import Position

LONGEST_WAIT: Final = 2.0
"""Seconds."""

_LOOK_AGAIN: Final = 0.25


class Gate:
    """Holds requests back until their position is in the tables. `seconds` is a monotonic clock."""

    def __init__(self, reading: Reading, progress: Progress, seconds: Callable[[], float] = time.monotonic) -> None:
        self._reading = reading
        self._progress = progress
        self._seconds = seconds

    def wait(self, workspace_id: int, position: Position | None) -> None:
        """Return once the position is in the tables; raise Problem 503 after two seconds, 409 for another topic's."""
        if position is None or _reached(self._progress.places(), position):
            return
        deadline = self._seconds() + LONGEST_WAIT
        while True:
            version = self._progress.wait_for_change(-1, 0)
            with self._reading(workspace_id) as connection:
                places = {place.log_partition: place for place in read_places(connection)}
            if _reached(places, position):
                return
            if (left := deadline - self._seconds()) <= 0:
                detail = (
                    "The event is stored, but the timelines have not come so far yet. Try again, or read without it."
                )
                raise Problem(503, "position_not_reached", detail, headers={"Retry-After": "1"})
            self._progress.wait_for_change(version, min(left, _LOOK_AGAIN))


def _reached(places: dict[int, Place], position: Position) -> bool:
    if any(place.topic_id != position.topic_id for place in places.values()):
        detail = "This position belongs to another topic than the one that these timelines are made from."
        raise Problem(409, "position_of_another_topic", detail)
    place = places.get(position.partition)
    return place is not None and place.next_offset > position.offset
