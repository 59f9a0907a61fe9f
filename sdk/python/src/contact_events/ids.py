"""UUIDv7 (RFC 9562, section 5.7) as text. An event gets its id when it is tracked, so sending again is harmless."""

from __future__ import annotations

import os
import time
from typing import Final

_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7() -> str:
    """Make one: 48 bits of Unix time in milliseconds, the version, the variant, 74 random bits.

    The bits come from the system for each id, so that a forked process cannot repeat its parent's.
    """
    moment, chance = f"{time.time_ns() // 1_000_000:012x}", os.urandom(10).hex()
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[7:19]}"
