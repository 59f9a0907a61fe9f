"""The position token: the place of a record in the topic, handed to callers so that they can read their own writes.

Opaque to callers. Inside: the topic's id (16 bytes, so that a token of a recreated topic is recognised), the partition
(4 bytes) and the offset (8 bytes), big-endian, in unpadded base64url.
"""

from __future__ import annotations

import base64
import binascii
import struct
from functools import lru_cache
from uuid import UUID

import msgspec

_LAYOUT = struct.Struct(">16sIQ")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class InvalidPositionError(ValueError):
    """The text is not a position token."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """One record's place: `offset` is the record's own, so tables contain it once `next_offset` is greater."""

    topic_id: UUID
    partition: int
    offset: int

    def encode(self) -> str:
        """Write the token. Neighbours in a partition share all of it but the offset's last byte."""
        return _head(self.topic_id, self.partition, self.offset >> 8) + _TAILS[self.offset & 0xFF]

    @classmethod
    def decode(cls, token: str) -> Position:
        """Read a token; raise InvalidPositionError for anything that `encode` cannot have written."""
        try:
            packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            topic_id, partition, offset = _LAYOUT.unpack(packed)
        except (binascii.Error, ValueError, struct.error) as error:
            raise InvalidPositionError(token) from error
        position = cls(UUID(bytes=topic_id), partition, offset)
        if position.encode() != token:  # the unused low bits of the last character must not make two spellings
            raise InvalidPositionError(token)
        return position


def _text(packed: bytes) -> str:
    return binascii.b2a_base64(packed, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()


_TAILS = [_text(bytes([last])) for last in range(256)]


@lru_cache(maxsize=1_024)
def _head(topic_id: UUID, partition: int, offset_before_last_byte: int) -> str:
    """Write all bytes but the last: there are 27 of them, so their text ends where a byte does."""
    return _text(_LAYOUT.pack(topic_id.bytes, partition, offset_before_last_byte << 8)[:-1])
