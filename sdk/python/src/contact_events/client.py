"""The client. See `Client`."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, overload

from contact_events import lifecycle
from contact_events.encoding import check_external_id, check_id, check_object, encode_event
from contact_events.errors import ClientClosedError
from contact_events.ids import uuid7
from contact_events.line import Line
from contact_events.recording import Recorder
from contact_events.settings import Settings
from contact_events.transport import HttpTransport, check_base_url
from contact_events.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from contact_events.outcomes import DeliveryCallback
    from contact_events.transport import Transport


class _Absent(Enum):
    """Tells a field that was not given from one that is None."""

    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Status:
    """How a client is doing, in this process. `trouble` is why nothing gets through, None when all is well."""

    waiting: int
    accepted: int
    rejected: int
    requests: int
    trouble: str | None


class Client:
    """Sends contact events in the background.

    `track` returns at once; a thread sends what was tracked, in batches, again and again until the server has said yes
    or no to each event. Make one client when the app starts and share it between threads; forking is safe.

    - `base_url`, `api_key`: where to send to, and the key (scopes `events:write`, for contacts `contacts:write`).
    - `on_delivery`: told what became of each event that has no callback of its own. Runs in the sending thread.
    - `spool`: a folder; what was tracked then survives the process and is sent at the next start. At most `spool_bytes`
      of it; `spool_fsync` also survives power loss, at the price of a disk flush per event.
    - `queue_events`, `queue_bytes`: how much may wait in memory (without a spool).
    - `block_when_full`: seconds that `track` may wait for room before it raises QueueFullError.
    - `batch_events`, `batch_bytes`, `linger`: a batch is sent when it has so many events or bytes, or after so many
      seconds.
    - `request_timeout`: seconds to wait for an answer. `exit_timeout`: seconds to send what is left when the process
      ends.
    - `test_mode`: send nothing; see `recorded_events` and `recorded_contacts`.
    """

    def __init__(  # noqa: PLR0913 - settings, each with a name and a sound default
        self,
        base_url: str,
        api_key: str,
        *,
        on_delivery: DeliveryCallback | None = None,
        spool: str | os.PathLike[str] | None = None,
        spool_bytes: int = 256 * 2**20,
        spool_fsync: bool = False,
        queue_events: int = 100_000,
        queue_bytes: int = 64 * 2**20,
        block_when_full: float = 0.0,
        batch_events: int = 500,
        batch_bytes: int = 900_000,
        linger: float = 0.1,
        request_timeout: float = 15.0,
        exit_timeout: float = 5.0,
        test_mode: bool = False,
        transport: Callable[[], Transport] | None = None,
    ) -> None:
        base_url = check_base_url(base_url)
        self._settings = Settings(
            batch_events=batch_events,
            batch_bytes=batch_bytes,
            linger=linger,
            request_timeout=request_timeout,
            queue_events=queue_events,
            queue_bytes=queue_bytes,
            block_when_full=block_when_full,
            spool=None if spool is None else Path(spool),
            spool_bytes=spool_bytes,
            spool_fsync=spool_fsync,
            exit_timeout=exit_timeout,
        )
        self._base_url = base_url
        self._on_delivery = on_delivery
        headers = {"Authorization": f"Bearer {_checked_key(api_key)}", "User-Agent": _user_agent()}
        self._build_transport = transport or (lambda: HttpTransport(base_url, headers))
        self._recorder = Recorder() if test_mode else None
        self._closed = False
        self._line: Line | None = None
        if not test_mode:
            lifecycle.watch(self)
            self._new_line()

    @overload
    def track(
        self,
        contact_id: int,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        occurred_at: datetime | None = None,
        event_id: str | None = None,
        on_delivery: DeliveryCallback | None = None,
    ) -> str: ...

    @overload
    def track(
        self,
        *,
        external_id: str,
        name: str,
        properties: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        event_id: str | None = None,
        on_delivery: DeliveryCallback | None = None,
    ) -> str: ...

    def track(  # noqa: PLR0913 - the fields of an event
        self,
        contact_id: int | None = None,
        name: str = "",
        properties: Mapping[str, Any] | None = None,
        *,
        external_id: str | None = None,
        occurred_at: datetime | None = None,
        event_id: str | None = None,
        on_delivery: DeliveryCallback | None = None,
    ) -> str:
        """Record that something happened to a contact; return the event's id at once.

        The contact is named by `contact_id` or by `external_id`, your own id for it. `occurred_at` (with a time zone)
        is now unless given. Give an `event_id` where the event has one already: tracked twice, it then counts once.

        Raises InvalidEventError, QueueFullError, SpoolError, ClientClosedError: the event was then not taken.
        """
        if event_id is None:
            event_id = uuid7()
        else:
            check_id(event_id)
        moment = datetime.now(UTC) if occurred_at is None else occurred_at
        line = encode_event(event_id, contact_id, external_id, name, moment, properties)
        if self._recorder is None:
            (self._line or self._new_line()).put(event_id, line, on_delivery)
        else:
            self._recorder.record_event(event_id, line, on_delivery or self._on_delivery)
        return event_id

    def contact(
        self,
        *,
        external_id: str,
        email: str | _Absent | None = ABSENT,
        name: str | _Absent | None = ABSENT,
        custom_data: Mapping[str, Any] | _Absent = ABSENT,
        timeout: float = 30.0,
    ) -> int:
        """Create the contact with this `external_id`, or change it; return its id, once that is certain.

        A field that is not given stays as it is; None empties it. `custom_data` is merged: a key with None goes away.

        Raises InvalidEventError, ApiError (the server said no) or UnavailableError (no answer within `timeout` seconds;
        whether it took effect is unknown, and doing it again does no harm).
        """
        body: dict[str, Any] = {"external_id": check_external_id(external_id)}
        fields = {"email": email, "name": name, "custom_data": custom_data}
        body |= {field: value for field, value in fields.items() if value is not ABSENT}
        if "custom_data" in body:
            check_object("custom_data", body["custom_data"])
            body["custom_data"] = dict(body["custom_data"])
        if self._recorder is not None:
            return self._recorder.record_contact(body)
        return (self._line or self._new_line()).upsert(body, uuid7(), timeout)

    def flush(self, timeout: float = 30.0) -> bool:
        """Send everything now; tell whether the fate of all events became known within so many seconds."""
        return self._line is None or self._line.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Send what is left, for `timeout` (else `exit_timeout`) seconds at most, and stop. Twice is harmless."""
        self._closed = True
        lifecycle.forget(self)
        line, self._line = self._line, None
        if line is not None:
            line.close(self._settings.exit_timeout if timeout is None else timeout)

    def status(self) -> Status:
        """Tell how sending goes."""
        line = self._line
        if line is None:
            return Status(0, 0, 0, 0, None)
        counts = line.counts
        return Status(line.unsettled, counts.accepted, counts.rejected, counts.requests, counts.trouble)

    @property
    def recorded_events(self) -> list[dict[str, Any]]:
        """In test mode: the events that would have been sent, oldest first."""
        return self._recorded().events

    @property
    def recorded_contacts(self) -> list[dict[str, Any]]:
        """In test mode: the contacts that would have been written."""
        return self._recorded().contacts

    def clear_recorded(self) -> None:
        """In test mode: begin anew."""
        self._recorded().clear()

    def _recorded(self) -> Recorder:
        if self._recorder is None:
            raise RuntimeError("only a client with test_mode=True records")
        return self._recorder

    def _new_line(self) -> Line:
        """Make this process's queue and thread: at the start, and in a forked child when it first needs them."""
        with lifecycle.LOCK:
            if self._closed:
                raise ClientClosedError("the client was closed")
            if self._line is None:
                line = Line(self._settings, self._build_transport, self._on_delivery)
                line.start()
                lifecycle.watch_multiprocessing()
                self._line = line
            return self._line

    def _after_fork_in_child(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.abandon()

    def _at_exit(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<contact_events.Client {self._base_url}>"


def _checked_key(api_key: object) -> str:
    if isinstance(api_key, str) and api_key.isascii() and api_key.isprintable() and api_key.strip():
        return api_key.strip()
    raise ValueError("api_key must be the key's text, as it was shown when it was made")


def _user_agent() -> str:
    return f"contact-events-client/{__version__} python/{platform.python_version()}"
