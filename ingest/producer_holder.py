"""Holds kafka-python's producer, and makes a new one when the old one is of no use any more.

It is made lazily in each process, since it does not survive a fork; one record that a broker refuses for good leaves it
in a state in which every later send fails; and it can lose its id, or not close, while the brokers are away.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import structlog
from kafka.errors import KafkaTimeoutError
from kafka.producer.transaction_manager import TransactionState

from ingest import metrics
from ingest.appending import Appender

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import KafkaProducer

log = structlog.get_logger()


class ProducerHolder:
    """Safe to use from many threads and across a fork. `on_new` is called when a producer has been made."""

    def __init__(self, build: Callable[[], KafkaProducer], on_new: Callable[[], None]) -> None:
        self._build = build
        self._on_new = on_new
        self._lock = threading.Lock()
        self._appender: Appender | None = None
        self._pid = 0

    def current(self) -> Appender:
        """Give this process's producer, ready to be appended to."""
        appender = self._appender
        if appender is not None and self._pid == os.getpid():
            return appender
        with self._lock:
            if self._appender is None or self._pid != os.getpid():
                self._appender, self._pid = Appender(self._build()), os.getpid()
                self._on_new()
            return self._appender

    def replace(self, appender: Appender, error: Exception) -> None:
        """Let go of a producer, because of an error; the next call of `current` makes another one."""
        with self._lock:
            if self._appender is not appender:
                return  # another thread was first
            self._appender = None
        metrics.PRODUCER_REPLACEMENTS.labels(type(error).__name__).inc()
        log.warning("producer replaced", reason=type(error).__name__)
        threading.Thread(target=_close, args=(appender.producer, 0.0), name="producer-closing", daemon=True).start()

    def replace_stuck(self) -> None:
        """Let go of the producer if it has given its id up for good."""
        appender = self._appender
        if appender is not None and _is_stuck(appender.producer):
            self.replace(appender, KafkaTimeoutError("the producer has given up its id"))

    def close(self, seconds: float) -> None:
        """Deliver what is waiting, for so long at most, and let go of the producer."""
        with self._lock:
            appender, self._appender = self._appender, None
        if appender is not None and self._pid == os.getpid():
            _close(appender.producer, seconds)


def _is_stuck(producer: KafkaProducer) -> bool:
    """Tell whether a producer has given its id up for good.

    kafka-python 3.0.12 does so when a batch expires that has been sent before, and never asks for another one: from
    then on it sends nothing and lets nothing expire, also when the brokers are back.
    """
    manager = producer._sender._transaction_manager  # noqa: SLF001 - there is no public sign of it
    return manager is not None and manager._current_state is TransactionState.READY and not manager.has_producer_id()  # noqa: SLF001


def _close(producer: KafkaProducer, seconds: float) -> None:
    """Close a producer, whatever it takes: with the brokers away its own `close` raises, and closes nothing.

    Then its thread and its records would stay for ever, and with them their places in the gate.
    """
    try:
        producer.close(timeout=seconds)
    except Exception as error:  # noqa: BLE001 - with the brokers away it raises whatever it likes; there is no more to do
        log.warning("producer not closed cleanly", reason=type(error).__name__)
        producer._sender.force_close()  # noqa: SLF001 - see above
