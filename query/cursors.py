"""Cursors: a page's place in a timeline, opaque to callers and signed, so that only places which we gave out come back.

A cursor is a key, not a count: events that arrive late shift nothing, and no page ever repeats or skips what was there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

_LAYOUT: Final = struct.Struct(">cqq")
_SIGNATURE: Final = 12
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Direction = Literal["older", "newer"]


class InvalidCursorError(ValueError):
    """The text is not a cursor that we gave out for this list."""


class Cursor(msgspec.Struct, frozen=True):
    """The events beyond a key, in one direction; the key itself is not among them."""

    direction: Direction
    occurred_at: datetime
    log_offset: int


class CursorSigner:
    """Writes and reads cursors. `of` names the list (e.g. `3/17`), so that a cursor of another list is refused."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"contact-events cursor\0" + secret.encode()).digest()

    def encode(self, cursor: Cursor | None, of: str) -> str | None:
        """Write a cursor; None stays None."""
        if cursor is None:
            return None
        microseconds = (cursor.occurred_at - EPOCH) // timedelta(microseconds=1)
        body = _LAYOUT.pack(cursor.direction[0].encode(), microseconds, cursor.log_offset)
        return base64.urlsafe_b64encode(body + self._sign(body, of)).rstrip(b"=").decode()

    def decode(self, text: str, of: str) -> Cursor:
        """Read a cursor; raise InvalidCursorError for everything that `encode` has not written for this list."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidCursorError(text) from error
        body, signature = packed[: _LAYOUT.size], packed[_LAYOUT.size :]
        if not hmac.compare_digest(signature, self._sign(body, of)):
            raise InvalidCursorError(text)
        letter, microseconds, log_offset = _LAYOUT.unpack(body)
        direction: Direction = "older" if letter == b"o" else "newer"
        return Cursor(direction, EPOCH + timedelta(microseconds=microseconds), log_offset)

    def _sign(self, body: bytes, of: str) -> bytes:
        return hashlib.blake2b(of.encode() + b"\0" + body, key=self._key, digest_size=_SIGNATURE).digest()
