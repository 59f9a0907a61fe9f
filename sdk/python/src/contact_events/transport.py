"""HTTP, as little of it as the client needs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; the names of `headers` are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class TransportError(Exception):
    """No answer came: whether the request took effect is unknown."""


class Transport(Protocol):
    """Sends requests from one thread at a time, or from many."""

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Response:
        """Send one POST, wait for so long at most; raise TransportError when no answer came."""

    def close(self) -> None:
        """Let go of connections."""


class HttpTransport:
    """Connections to one base URL that are kept open between requests."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._headers = dict(headers)
        self._pool = urllib3.PoolManager(
            maxsize=4, retries=False, cert_reqs=ssl.CERT_REQUIRED, ssl_context=ssl.create_default_context()
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Response:
        """Send one POST. A redirect is not followed: it would lose the body or send the key elsewhere."""
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
        try:
            response = self._pool.request(
                "POST",
                self._base_url + path,
                body=body,
                headers={**self._headers, **headers},
                timeout=timeout,
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            raise TransportError(f"{type(error).__name__}: {_without_pool(error)}") from error
        return Response(
            response.status, response.data, {name.lower(): value for name, value in response.headers.items()}
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _without_pool(error: Exception) -> str:
    """Leave out what urllib3 puts before its messages: the connection's object."""
    return str(error).rpartition(">: ")[2]


def check_base_url(base_url: str) -> str:
    """Give the URL without a slash at its end; raise ValueError for what is none."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"base_url must be such as https://events.example.com, not {base_url!r}")
    if parts.username or parts.password:
        raise ValueError("base_url must not hold a user or password; the API key has its own argument")
    return base_url.rstrip("/")
