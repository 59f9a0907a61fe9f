"""What the client raises. All of it derives from `ContactEventsError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contact_events.outcomes import Fault


class ContactEventsError(Exception):
    """Anything this package raises."""


class InvalidEventError(ContactEventsError, ValueError):
    """The event (or contact) breaks a rule that can be told before anything is sent. It was not taken."""


class QueueFullError(ContactEventsError):
    """Too much is waiting to be sent. The event was not taken: nothing of it will be sent."""


class SpoolError(ContactEventsError):
    """The spool's folder cannot be written (disk full, no permission). The event was not taken."""


class ClientClosedError(ContactEventsError):
    """The client was closed; the event was not taken."""


class ApiError(ContactEventsError):
    """The API said no: `status`, its stable `code`, its `detail`, and one entry in `faults` for each thing wrong."""

    def __init__(self, status: int, code: str, detail: str, faults: Sequence[Fault] = ()) -> None:
        more = "".join(f"\n  {fault}" for fault in faults)
        super().__init__(f"{status} {code}: {detail}{more}")
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)


class UnavailableError(ContactEventsError):
    """The API gave no answer within the time allowed, so whether the write took effect is unknown. Try again later."""
