"""Bearer keys: from an Authorization header to a stored key, with a cache that outlives an outage of the database.

Generic over what a key is, so that this room knows no table. A positive answer is fresh for `FRESH`: that (and the one
look-up that follows) is also how long a revocation may take to be seen. When the look-up fails, an answer up to `STALE`
old still counts. An unknown key is never cached.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FRESH: Final = timedelta(seconds=10)
STALE: Final = timedelta(hours=1)
CAPACITY: Final = 10_000


class SentKey(Protocol):
    """A key as its holder sends it."""

    @property
    def key_id(self) -> str:
        """The public part."""


Sent = TypeVar("Sent", bound=SentKey)
Sent_contra = TypeVar("Sent_contra", bound=SentKey, contravariant=True)


class StoredKey(Protocol[Sent_contra]):
    """A key as the database knows it."""

    @property
    def scopes(self) -> Sequence[str]:
        """What the key may do."""

    def accepts(self, key: Sent_contra, now: datetime) -> bool:
        """Tell whether the secret is right and the key in force."""


Stored = TypeVar("Stored", bound=StoredKey)  # type: ignore[type-arg] # a bound cannot name another type variable


@dataclass(slots=True)
class _Entry(Generic[Stored]):
    stored: Stored
    read_at: datetime
    refreshing: bool = False


class LookupFailedError(Exception):
    """The place where keys are kept did not answer; a `find` function raises this, and nothing else, for an outage."""


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class KeyRing(Generic[Sent, Stored]):
    """Authenticates requests. Safe to use from many threads."""

    def __init__(
        self,
        parse: Callable[[str], Sent | None],
        find: Callable[[str], Stored | None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._parse = parse
        self._find = find
        self._now = now
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[Stored]] = OrderedDict()

    def authenticate(self, authorization: str | None) -> Stored:
        """Turn the header's text into a stored key, or raise Problem: 401 for a bad key, 503 when nobody can tell."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise unauthorized("missing_api_key", "Send your API key as `Authorization: Bearer YOUR_API_KEY`.")
        key = self._parse(text.strip())
        if key is None:
            raise unauthorized(
                "malformed_api_key", "This is not an API key of ours, or a part of it was lost in copying."
            )
        stored = self._look_up(key.key_id)
        if stored is None or not stored.accepts(key, self._now()):
            raise unauthorized("invalid_api_key", "This API key is unknown, expired or revoked.")
        return stored

    def _look_up(self, key_id: str) -> Stored | None:
        now = self._now()
        entry = self._entries.get(key_id)
        if entry is not None and (now - entry.read_at < FRESH or (entry.refreshing and now - entry.read_at < STALE)):
            return entry.stored
        if entry is not None:
            entry.refreshing = True  # the others go on with what is known, instead of all asking at once
        try:
            stored = self._find(key_id)
        except LookupFailedError:
            if entry is not None and now - entry.read_at < STALE:
                return entry.stored
            detail = "API keys cannot be looked up at the moment. Send the request again with the same id."
            raise Problem(503, "keys_unavailable", detail, headers={"Retry-After": "2"}) from None
        finally:
            if entry is not None:
                entry.refreshing = False
        self._keep(key_id, stored, now)
        return stored

    def _keep(self, key_id: str, stored: Stored | None, now: datetime) -> None:
        with self._lock:
            if stored is None:
                self._entries.pop(key_id, None)
                return
            self._entries[key_id] = _Entry(stored, now)
            self._entries.move_to_end(key_id)
            while len(self._entries) > CAPACITY:
                self._entries.popitem(last=False)


def unauthorized(code: str, detail: str) -> Problem:
    """Make a 401 answer, with the challenge that RFC 9110 asks for."""
    return Problem(401, code, detail, headers={"WWW-Authenticate": 'Bearer realm="contact-events"'})


def require_scope(scopes: Sequence[str], scope: str) -> None:
    """Raise Problem 403, naming the scope, unless it is among a key's scopes."""
    if scope not in scopes:
        detail = f"This API key lacks the scope {scope}."
        raise Problem(403, "missing_scope", detail, extra={"required_scope": scope})
