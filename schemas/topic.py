"""The topic's settings, as data: what `contact-events topic create` asks for, and why.

Auto-creation is off on every broker we run: a topic made by accident would have the broker's defaults, which delete.
"""

from __future__ import annotations

from typing import Final

DEFAULT_TOPIC: Final = "contact-events"
"""The topic's name unless `TOPIC` says another: writer and reader must agree on it."""

DAY_MS: Final = 86_400_000

TOPIC_SETTINGS: Final = {
    # Nothing is ever compacted away except where a tombstone for that very key is written: keys are unique per record.
    "cleanup.policy": "compact",
    # A client's clock must not decide what the broker does with a record.
    "message.timestamp.type": "LogAppendTime",
    # An erased record is physically gone within this (plus the cleaner's pass and file.delete.delay.ms).
    "max.compaction.lag.ms": str(7 * DAY_MS),
    # Tombstones stay readable for at least the longest planned outage or rebuild.
    "delete.retention.ms": str(30 * DAY_MS),
    # Room above the largest record that the write API lets through.
    "max.message.bytes": "1048576",
}

DEFAULT_PARTITIONS: Final = 12
"""Partitions are never added (a contact's records would part ways): choose enough at the start, 48+ in production."""


def settings_for(replication_factor: int) -> dict[str, str]:
    """Complete the settings: with three replicas an acknowledged record is on at least two disks."""
    return TOPIC_SETTINGS | {"min.insync.replicas": "2" if replication_factor >= 3 else "1"}  # noqa: PLR2004 - as said
