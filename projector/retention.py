"""How long a record can stay in the log after its tombstone: the bound that is promised for an erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kafka.admin import ConfigResource, ConfigResourceType

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

MARGIN: Final = timedelta(hours=2)
"""The hour until the next log mark makes the segment roll, and another for the cleaner's pass."""


def erasure_bound(admin: KafkaAdminClient, topic: str) -> timedelta:
    """Read the topic's compaction lag and file delay, and add the margin."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    settings = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    milliseconds = sum(int(settings[name]["value"]) for name in ("max.compaction.lag.ms", "file.delete.delay.ms"))
    return timedelta(milliseconds=milliseconds) + MARGIN
