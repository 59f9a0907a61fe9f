"""The write and read API as any app would call it: over HTTP, with ids of its own, sending again what stays unknown."""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PATIENCE: Final = 90.0
"""Seconds for which a request is sent again while the answer is not known."""

_UNKNOWN: Final = frozenset({429, 500, 502, 503, 504})
_TIMEOUT: Final = urllib3.Timeout(connect=3, read=20)


class ApiError(Exception):
    """The API said no, or stayed silent for too long; the message is for people."""


class RefusedError(ApiError):
    """The API said no, with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer."""

    status: int
    body: dict[str, Any]


class Api:
    """Safe for many threads. `request` is urllib3's; `sleep` and `clock` count in seconds."""

    def __init__(  # noqa: PLR0913 - the place, then what tests replace
        self,
        base_url: str,
        api_key: str,
        *,
        request: Callable[..., urllib3.BaseHTTPResponse] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._request = request or urllib3.PoolManager(maxsize=16, retries=False, timeout=_TIMEOUT).request
        self._sleep = sleep
        self._clock = clock
        self._patience = patience

    def get(self, path: str, **query: str | int) -> Answer:
        """Read something; waits through the time that the tables take to reach a `position`."""
        return self._send("GET", path + (f"?{urlencode(query)}" if query else ""))

    def write(self, method: str, path: str, body: Mapping[str, Any], id_: str | None = None) -> Answer:
        """Write something; with an id it can be sent again without harm, and is until the answer is known."""
        headers = {"Idempotency-Key": id_} if id_ else {}
        return self._send(method, path, msgspec.json.encode(body), headers)

    def write_batch(
        self,
        events: Sequence[Mapping[str, Any] | msgspec.Raw],
        path: str = "/api/v1/events/batch",
        member: str = "events",
    ) -> list[dict[str, Any]]:
        """Write events, each with its `id`; give what became of each, in order. Unknown ones are sent again."""
        results: dict[int, dict[str, Any]] = {}
        deadline = self._clock() + self._patience
        while left := [place for place in range(len(events)) if place not in results]:
            body = gzip.compress(msgspec.json.encode({member: [events[place] for place in left]}), 1)
            answer = self._send("POST", path, body, {"Content-Encoding": "gzip"})
            items = zip(left, answer.body["items"], strict=True)
            results |= {place: item for place, item in items if item["status"] != "unknown"}
            if len(results) < len(events):
                if self._clock() > deadline:
                    raise ApiError(f"{len(events) - len(results)} events stayed unknown for {self._patience:.0f} s.")
                self._sleep(0.5)
        return [results[place] for place in range(len(events))]

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        deadline = self._clock() + self._patience
        pause = 0.2
        while True:
            trouble = self._attempt(method, path, body, headers or {})
            if isinstance(trouble, Answer):
                return trouble
            if self._clock() > deadline:
                raise ApiError(f"{method} {path} got no answer for {self._patience:.0f} s; the last: {trouble}")
            self._sleep(pause)
            pause = min(pause * 2, 2.0)

    def _attempt(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer | str:
        """Send once: an answer, or why it is not known. Raises ApiError for a no."""
        try:
            response = self._request(method, self._base_url + path, body=body, headers=self._headers | dict(headers))
        except HTTPError as error:
            return f"{type(error).__name__}: {error}"
        try:
            document = msgspec.json.decode(response.data or b"{}")
        except msgspec.DecodeError:
            document = {}
        if response.status < 300 and isinstance(document, dict):  # noqa: PLR2004 - a 2xx
            return Answer(response.status, document)
        said = f"{response.status} {document.get('code', '')}: {document.get('detail', response.data[:200])!s}"
        if response.status in _UNKNOWN:
            return said
        message = f"{method} {path} was answered {said} {document.get('errors', '')}".rstrip()
        raise RefusedError(response.status, message)
