"""Creating and changing contacts, while the caller waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from contact_events.answers import describe, read_document, read_faults
from contact_events.encoding import encode_json
from contact_events.errors import ApiError, UnavailableError
from contact_events.pace import Pace, read_retry_after
from contact_events.transport import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contact_events.transport import Response, Transport

PATH: Final = "/api/v1/contacts"
_REQUEST_SECONDS: Final = 10.0
_UNKNOWN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


def upsert(  # noqa: PLR0913 - a request, and the time it may take
    transport: Transport,
    body: Mapping[str, Any],
    update_id: str,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Create or change a contact; its id. Sends it again with the same `update_id` until the answer is known.

    Raises ApiError for a no, UnavailableError when there is no answer in time.
    """
    data = encode_json(body)
    headers = {"Content-Type": "application/json", "Idempotency-Key": update_id}
    deadline = clock() + seconds
    pace = Pace()
    while True:
        left = deadline - clock()
        response, trouble = _attempt(transport, data, headers, min(_REQUEST_SECONDS, max(left, 0.1)))
        if response is not None and response.status in {200, 201}:
            contact_id = read_document(response).get("id")
            if isinstance(contact_id, int):
                return contact_id
            trouble = "the answer names no contact id"
        elif response is not None and response.status not in _UNKNOWN:
            document = read_document(response)
            detail = str(document.get("detail") or describe(response))
            faults = read_faults(document.get("errors"))
            raise ApiError(response.status, str(document.get("code", "")), detail, faults)
        wait = pace.failed(read_retry_after(response.headers.get("retry-after")) if response else None)
        if clock() + wait > deadline:
            raise UnavailableError(f"no answer within {seconds:g} s; the last failure: {trouble}")
        sleep(wait)


def _attempt(
    transport: Transport, data: bytes, headers: Mapping[str, str], seconds: float
) -> tuple[Response | None, str]:
    try:
        response = transport.post(PATH, data, headers, seconds)
    except TransportError as error:
        return None, str(error)
    return response, describe(response)
