"""What was refused, noted in memory for the delivery log: exact counts, and as many details as there is room for.

Noting never waits and never fails. The room is bounded: when PostgreSQL is away, or somebody sends nothing but faults,
details are left out (the counts tell how many) and rare names are counted together, but no rejection goes uncounted.
Neither payloads nor values of properties come in here.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ingest.fields import NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_DETAILS: Final = 2_000
MOST_DETAILS_OF_ONE: Final = 1_000
"""Of one workspace between two writes, so that it cannot crowd out the others."""

MOST_COUNTERS: Final = 20_000
MOST_NAMES: Final = 200
"""Counted apart in one workspace and minute."""

MOST_POINTER: Final = 200
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Rejection(NamedTuple):
    """One refused request, or (with `item`, its place from 0) one refused item of a batch."""

    workspace_id: int
    rejected_at: datetime
    status: int
    code: str
    pointer: str
    faults: int
    name: str | None
    name_altered: bool
    item: int | None
    endpoint: str
    key_id: str
    request_id: str


class Counter(NamedTuple):
    """What is counted together. `names` is one, none or others; `name` is empty unless it is one."""

    workspace_id: int
    minute: datetime
    code: str
    names: str
    name: str


@dataclass(slots=True)
class Notes:
    """What has been noted since the last write."""

    counts: dict[Counter, int] = field(default_factory=dict)
    details: list[Rejection] = field(default_factory=list)


def presentable(name: object) -> tuple[str | None, bool]:
    """Give an event's name as it can be kept and shown, and whether that altered it; None where there is none."""
    if not isinstance(name, str) or not name:
        return None, False
    fit = _UNFIT.sub("\ufffd", name[:NAME_LENGTH])
    return fit, fit != name


def short(pointer: str) -> str:
    """Cut a JSON Pointer, which is as long as the key that it names."""
    fit = _UNFIT.sub("\ufffd", pointer[: MOST_POINTER + 1])
    return fit if len(fit) <= MOST_POINTER else f"{fit[: MOST_POINTER - 1]}…"


class DeliveryLog:
    """Notes rejections until they are taken to be written. Safe to use from many threads."""

    def __init__(self, most_details: int = MOST_DETAILS, most_counters: int = MOST_COUNTERS) -> None:
        self._most_details = most_details
        self._most_counters = most_counters
        self._lock = threading.Lock()
        self._notes = Notes()
        self._details_of: dict[int, int] = {}
        self._names_of: dict[tuple[int, datetime], int] = {}

    def note(self, rejections: Iterable[Rejection]) -> None:
        """Note what was refused."""
        with self._lock:
            for rejection in rejections:
                self._count(rejection)
                self._keep(rejection)

    def take(self) -> Notes:
        """Take what has been noted, and begin anew."""
        with self._lock:
            taken, self._notes = self._notes, Notes()
            self._details_of, self._names_of = {}, {}
            return taken

    def _count(self, rejection: Rejection) -> None:
        minute = rejection.rejected_at.astimezone(UTC).replace(second=0, microsecond=0)
        names = "none" if rejection.name is None else "one"
        counter = Counter(rejection.workspace_id, minute, rejection.code, names, rejection.name or "")
        counts = self._notes.counts
        if counter not in counts and names == "one":
            number = self._names_of.get((rejection.workspace_id, minute), 0)
            if number >= MOST_NAMES or len(counts) >= self._most_counters:
                counter = counter._replace(names="others", name="")
            else:
                self._names_of[rejection.workspace_id, minute] = number + 1
        if counter not in counts and len(counts) >= self._most_counters:
            self._notes.counts = counts = by_the_hour(counts)
            self._most_counters = max(self._most_counters, 2 * len(counts))  # so that this stays rare
        counts[counter] = counts.get(counter, 0) + 1

    def _keep(self, rejection: Rejection) -> None:
        number = self._details_of.get(rejection.workspace_id, 0)
        if number < MOST_DETAILS_OF_ONE and len(self._notes.details) < self._most_details:
            self._details_of[rejection.workspace_id] = number + 1
            self._notes.details.append(rejection)


def by_the_hour(counts: dict[Counter, int]) -> dict[Counter, int]:
    """Count coarser, losing nothing: names together, minutes as their hour. For an outage that lasts."""
    coarse: dict[Counter, int] = {}
    for counter, count in counts.items():
        names = "none" if counter.names == "none" else "others"
        key = counter._replace(minute=counter.minute.replace(minute=0), names=names, name="")
        coarse[key] = coarse.get(key, 0) + count
    return coarse
