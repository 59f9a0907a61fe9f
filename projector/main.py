"""The projector's composition root: build every part from the settings, run until SIGTERM."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import prometheus_client
import structlog

from projector.batch_size import BatchSize
from projector.burst import BurstLimit
from projector.contact_erasing import ROWS_A_RECORD
from projector.eraser import Eraser, connect, start_eraser
from projector.health import start_health_server
from projector.housekeeping import start_housekeeping
from projector.metrics import ProjectorMetrics
from projector.progress import Progress
from projector.retention import erasure_bound
from projector.session import Session
from projector.settings import Settings
from projector.supervisor import Supervisor
from projector.topic import describe_topic
from projector.version import VERSION, outdated
from projector.writer import Writer
from runtime.kafka import build_admin, build_consumer, build_producer
from runtime.logs import configure_logs
from runtime.postgres import Watchdog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projector.position_table import Topic

log = structlog.get_logger()

SCHEMA = "projection"
CLIENT_ID = "contact-events-projector"


class SessionFactory:
    """Opens sessions; each looks anew at which topic it is, so that a recreated one is noticed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watchdog = Watchdog()
        self._burst = BurstLimit(settings.dead_letter_limit)
        self._batch_size = BatchSize(settings.batch_size)
        self._warned = False

    def topic(self) -> Topic:
        """Describe the topic."""
        admin = build_admin(self._settings.bootstrap_servers, CLIENT_ID)
        try:
            return describe_topic(admin, self._settings.topic)
        finally:
            admin.close()

    def writer(self, topic: Topic) -> Writer:
        """Open a writer."""
        return Writer(
            self._settings.database_url,
            SCHEMA,
            topic,
            self._watchdog,
            rows=lambda: ROWS_A_RECORD * self._batch_size.current,
        )

    def eraser(self) -> Eraser:
        """Open an eraser."""
        admin = build_admin(self._settings.bootstrap_servers, CLIENT_ID)
        try:
            topic = describe_topic(admin, self._settings.topic)
            bound = erasure_bound(admin, self._settings.topic)
        finally:
            admin.close()
        return Eraser(
            connect=lambda: connect(self._settings.database_url),
            new_producer=lambda: build_producer(self._settings.bootstrap_servers, CLIENT_ID),
            topic=topic,
            bound=bound,
        )

    def __call__(self) -> Session:
        """Open a session."""
        topic = self.topic()
        writer = self.writer(topic)  # before joining the group: without a database there is nothing to take part in
        writer.close()
        if writer.version < VERSION and not self._warned:
            self._warned = True
            log.warning(outdated(writer.version))
        consumer = build_consumer(
            self._settings.bootstrap_servers,
            CLIENT_ID,
            self._settings.group_id,
            max_poll_records=self._settings.batch_size,
            max_partition_fetch_bytes=4 * 1024 * 1024,  # catching up moves whole batches, not one megabyte at a time
            fetch_max_bytes=16 * 1024 * 1024,
            heartbeat_interval_ms=2_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,  # kafka-python's own, which nothing reads
        )
        return Session(
            consumer,
            lambda: self.writer(topic),
            topic=topic,
            describe=self.topic,
            burst=self._burst,
            batch_size=self._batch_size,
            clock=time.monotonic,
        )


def run(environment: Mapping[str, str]) -> None:
    """Project until SIGTERM or SIGINT; raise StopError when a person has to look."""
    settings = Settings.read(environment)
    configure_logs(settings.log_level, settings.log_format, process="projector")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    project(settings, stop)


def project(settings: Settings, stop: threading.Event) -> None:
    """Project until `stop` is set."""
    progress = Progress(time.monotonic)
    metrics = ProjectorMetrics(settings.database_url, SCHEMA, progress.lag)
    prometheus_client.REGISTRY.register(metrics)
    server = start_health_server(settings.host, settings.health_port, {"projection": progress.trouble}, progress)
    log.info("projector started", topic=settings.topic, health_port=server.server_port)
    new_session = SessionFactory(settings)
    eraser = start_eraser(new_session.eraser, stop)
    start_housekeeping(settings.database_url, SCHEMA, stop)
    try:
        Supervisor(new_session, progress, stop, time.monotonic, settings.give_up_after).run()
        log.info("projector stopped")
    finally:
        stop.set()
        eraser.join(timeout=15)
        prometheus_client.REGISTRY.unregister(metrics)
        server.shutdown()
        server.server_close()
