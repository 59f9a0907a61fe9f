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
_LENGTH = (_LAYOUT.size * 8 + 5) // 6
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class InvalidPositionError(ValueError):
    """The text is not a position token."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """One record's place: `offset` is the record's own, so tables contain it once `next_offset` is greater."""

    topic_id: UUID
    partition: int
    offset: int

    def encode(self) -> str:
        """Write the token."""
        packed = _LAYOUT.pack(_bytes_of(self.topic_id), self.partition, self.offset)
        return binascii.b2a_base64(packed, newline=False).translate(_URL_SAFE)[:_LENGTH].decode()

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


@lru_cache(maxsize=16)
def _bytes_of(topic_id: UUID) -> bytes:
    return topic_id.bytes
