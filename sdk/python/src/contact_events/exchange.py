"""One batch to the server, and what came of it.

A fault of one event is that event's alone: should the server refuse a whole batch, its halves are sent, and so on down
to the one that is at fault. An answer that is about the client itself (a wrong key, a wrong address) rejects nothing:
the events wait until somebody has put it right.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from contact_events.answers import UnreadableAnswerError, describe, read_document, read_faults, read_items
from contact_events.outcomes import Accepted, Rejected
from contact_events.pace import read_retry_after
from contact_events.transport import TransportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contact_events.outbox import Entry
    from contact_events.transport import Response, Transport

PATH: Final = "/api/v1/events/batch"
_COMPRESS_FROM: Final = 1_000
_ABOUT_THE_BATCH: Final = frozenset({400, 413, 422})
_LATER: Final = frozenset({408, 425, 429})

Verdict: TypeAlias = Accepted | Rejected | None
"""None: unknown, to be sent again."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One verdict an event, in order. `trouble` says why the server could not give any; `retry_after` is in seconds.

    `misconfigured`: the trouble does not go away by itself.
    """

    verdicts: Sequence[Verdict]
    trouble: str | None = None
    retry_after: float | None = None
    misconfigured: bool = False


def send(transport: Transport, entries: Sequence[Entry], seconds: float) -> Exchange:
    """Send a batch once, and wait for so many seconds at most."""
    body = b'{"events":[' + b",".join(entry.line for entry in entries) + b"]}"
    headers = {"Content-Type": "application/json"}
    if len(body) >= _COMPRESS_FROM:
        body, headers["Content-Encoding"] = _gzip(body), "gzip"
    unknown: list[Verdict] = [None] * len(entries)
    try:
        response = transport.post(PATH, body, headers, seconds)
        if response.status in {200, 202, 207}:
            return Exchange(read_items(response, entries))
    except (TransportError, UnreadableAnswerError) as error:
        return Exchange(unknown, str(error))
    if response.status in _ABOUT_THE_BATCH:
        if len(entries) == 1:
            return Exchange([_rejected(entries[0], response)])
        return _send_halves(transport, entries, seconds)
    return Exchange(
        unknown,
        describe(response),
        read_retry_after(response.headers.get("retry-after")),
        misconfigured=response.status < 500 and response.status not in _LATER,  # noqa: PLR2004 - below are the 4xx
    )


def _send_halves(transport: Transport, entries: Sequence[Entry], seconds: float) -> Exchange:
    middle = len(entries) // 2
    first = send(transport, entries[:middle], seconds)
    if first.trouble is not None:
        unknown: list[Verdict] = [None] * (len(entries) - middle)
        return Exchange([*first.verdicts, *unknown], first.trouble, first.retry_after, first.misconfigured)
    second = send(transport, entries[middle:], seconds)
    return Exchange([*first.verdicts, *second.verdicts], second.trouble, second.retry_after, second.misconfigured)


def _rejected(entry: Entry, response: Response) -> Rejected:
    document = read_document(response)
    code, detail = str(document.get("code", response.status)), str(document.get("detail", ""))
    return Rejected(entry.event_id, code, detail, read_faults(document.get("errors")))


def _gzip(body: bytes) -> bytes:
    """Compress quickly: events repeat themselves so much that more effort gains little."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()
