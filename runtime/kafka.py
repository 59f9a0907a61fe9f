"""How our Kafka clients are built. Every setting that differs from kafka-python's default says what it prevents."""

from __future__ import annotations

from typing import Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

API_VERSION: Final = (4, 0)
"""Given, not asked for: so a process starts, and says 503, while Kafka is away."""

RECONNECT_BACKOFF_MAX_MS: Final = 1_000
"""kafka-python's default lets a client sleep for 30 s after the broker is back."""

MAX_REQUEST_SIZE: Final = 1_048_576


def servers(bootstrap_servers: str) -> list[str]:
    """Split `host:port,host:port`."""
    return [server.strip() for server in bootstrap_servers.split(",") if server.strip()]


def build_producer(bootstrap_servers: str, client_id: str) -> KafkaProducer:
    """Build a producer that acknowledges only what all in-sync replicas have, and gives up within eight seconds."""
    return KafkaProducer(
        bootstrap_servers=servers(bootstrap_servers),
        client_id=client_id,
        api_version=API_VERSION,
        acks="all",
        enable_idempotence=True,  # explicit: a conflict with other settings raises instead of switching it off
        compression_type="lz4",
        batch_size=65_536,  # what all requests of a worker send a partition within the linger time fits into one
        linger_ms=5,  # lets concurrent requests share a batch; costs a request up to 5 ms
        metrics_enabled=False,  # nobody reads what it would count for each request
        max_block_ms=1_500,  # a request must be answered within three seconds, also without Kafka
        request_timeout_ms=3_000,
        delivery_timeout_ms=8_000,  # below the graceful-stop limit, so that a stop never abandons a record silently
        max_request_size=MAX_REQUEST_SIZE,
        reconnect_backoff_max_ms=RECONNECT_BACKOFF_MAX_MS,
    )


def build_consumer(
    bootstrap_servers: str, client_id: str, group_id: str | None = None, **more: object
) -> KafkaConsumer:
    """Build a consumer that never commits by itself and never jumps: positions are ours to keep."""
    settings: dict[str, object] = {
        "bootstrap_servers": servers(bootstrap_servers),
        "client_id": client_id,
        "group_id": group_id,
        "api_version": API_VERSION,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",  # an offset outside the log is an error of its own, never a skip
        "session_timeout_ms": 10_000,
        "max_poll_interval_ms": 30_000,
        "reconnect_backoff_max_ms": RECONNECT_BACKOFF_MAX_MS,
    }
    return KafkaConsumer(**(settings | more))


def build_admin(bootstrap_servers: str, client_id: str) -> KafkaAdminClient:
    """Build an admin client."""
    return KafkaAdminClient(
        bootstrap_servers=servers(bootstrap_servers),
        client_id=client_id,
        api_version=API_VERSION,
        request_timeout_ms=10_000,
        reconnect_backoff_max_ms=RECONNECT_BACKOFF_MAX_MS,
    )
