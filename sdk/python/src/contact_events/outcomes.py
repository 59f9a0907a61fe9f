"""What became of an event, as a delivery callback is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent. `pointer` is a JSON Pointer (RFC 6901) to it."""

    pointer: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '(whole)'}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is in the log for good. Give `position` to a read, to see the event in it.

    `warnings` are hints of the API, such as a better name.
    """

    event_id: str
    position: str
    warnings: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The event was not and never will be written; `faults` say why, one for each thing wrong."""

    event_id: str
    code: str
    message: str
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The client was closed before the event's fate was known. `spooled`: it is on disk and sent at the next start."""

    event_id: str
    reason: str
    spooled: bool


Outcome: TypeAlias = Accepted | Rejected | Undelivered
DeliveryCallback: TypeAlias = Callable[[Outcome], None]
