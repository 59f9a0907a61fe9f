"""How large a record the topic takes, asked again when a broker has refused one.

A record over the limit is refused for good, and takes the producer and its neighbours in the batch down with it. So
sizes are checked before sending: against our own bound, which is below the topic's as we create it, and against what
the topic says once a refusal has shown that somebody lowered it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import KafkaAdminClient

MAX_RECORD_BYTES: Final = 900_000
"""Key and value of one record. Below the topic's `max.message.bytes` (1,048,576) by more than all framing takes."""

FRAMING: Final = 200
"""Bytes around key and value, rounded up: batch header, record header, our headers."""

SETTING: Final = "max.message.bytes"
REPEAT_SECONDS: Final = 2.0

log = structlog.get_logger()


class TopicLimit:
    """Knows the limit. Safe to use from many threads."""

    def __init__(
        self,
        build_admin: Callable[[], KafkaAdminClient],
        topic: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._build_admin = build_admin
        self._topic = topic
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked_at = -REPEAT_SECONDS
        self.bytes = MAX_RECORD_BYTES

    def ask(self) -> None:
        """Ask the brokers, unless somebody has just done so. When they do not answer all stays as it was."""
        with self._lock:
            if self._monotonic() - self._asked_at < REPEAT_SECONDS:
                return
            try:
                topic_bytes = self._read()
            except (KafkaError, KeyError, ValueError) as error:
                log.warning("topic limit unknown", reason=type(error).__name__)
                return
            self._asked_at = self._monotonic()
            self.bytes = min(MAX_RECORD_BYTES, topic_bytes - FRAMING)
            log.info("topic limit asked", limit=self.bytes)

    def _read(self) -> int:
        admin = self._build_admin()
        try:
            resource = ConfigResource(ConfigResourceType.TOPIC, self._topic, configs=[SETTING])
            return int(admin.describe_configs([resource])["topic"][self._topic][SETTING]["value"])
        finally:
            admin.close()
