"""UUIDv7 (RFC 9562, section 5.7): record ids, and event ids for callers who send none. Sortable by creation time."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


def uuid7(milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> UUID:
    """Make one: 48 bits of Unix time in milliseconds, the version, the variant, 74 random bits.

    They need to be unique, not secret, so they come from the process's own generator (seeded by the system, and anew
    after a fork): a system call an id would cost more than everything else that is done to a record.
    """
    value = (milliseconds() & 0xFFFF_FFFF_FFFF) << 80 | random.getrandbits(80)
    value = value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48
    uuid: UUID = msgspec.convert(value.to_bytes(16), UUID)  # in half of the time that UUID() takes
    return uuid
