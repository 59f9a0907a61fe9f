"""Kafka and PostgreSQL in containers, through testcontainers: what the tests run on where a Docker engine answers."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker
from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException

from tests.containers.images import KAFKA, POSTGRES

with warnings.catch_warnings():
    # importing it uses a part of importlib.resources that Python has deprecated; our warnings are errors
    warnings.simplefilter("ignore", DeprecationWarning)
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import ConnectionMode, testcontainers_config
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_SECONDS = 60
"""How long the engine may say nothing; while an image is pulled it keeps talking."""

START_SECONDS = 120
KAFKA_PORT = 9092
POSTGRES_PORT = 5432

KAFKA_ENVIRONMENT = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "5",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "5",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_HEAP_OPTS": "-Xms128m -Xmx512m",
}


@dataclass(frozen=True)
class Running:
    """A container that serves: where, and how to end it together with its data."""

    address: str
    stop: Callable[[], None]


def _socket_answers() -> bool:
    """Tell whether anything listens where the engine should; the client leaves a socket open when nothing does."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address.removeprefix("unix://")) == 0


def docker_unavailable() -> str | None:
    """Tell why containers cannot be used here; None when an engine answers and has, or can pull, the images."""
    if not _socket_answers():
        return "no Docker engine answers"
    try:
        client = docker.from_env(timeout=ANSWER_SECONDS)
        client.ping()
    except (DockerException, RequestException):
        return "no Docker engine answers"
    try:
        absent = [image for image in (KAFKA, POSTGRES) if not obtainable(client, image)]
    finally:
        client.close()
    return f"the engine has no {' and no '.join(absent)} and cannot pull it" if absent else None


def start_kafka() -> Running:
    """Start a broker whose `address` is its bootstrap server; topics are never made by themselves."""
    _settle_cleanup()
    container = DockerContainer(KAFKA).with_envs(**KAFKA_ENVIRONMENT)
    _publish(container, KAFKA_PORT)
    # The address that clients are told has the host's port in it, known only once the container runs; so it waits.
    container.with_command(
        ["bash", "-c", "until [ -f /tmp/address ]; do sleep 0.1; done; . /tmp/address; exec /etc/kafka/docker/run"]
    )
    container.start()
    try:
        address = f"{_host(container)}:{container.get_exposed_port(KAFKA_PORT)}"
        told = f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{address},BROKER://localhost:9093\n"
        container.get_wrapped_container().put_archive("/tmp", _archive("address", told))
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_SECONDS).wait_until_ready(container)
    except BaseException:
        container.stop()
        raise
    return Running(address, container.stop)


def start_postgres() -> Running:
    """Start a PostgreSQL; `address` is a superuser's URL of the database `postgres`."""
    _settle_cleanup()
    container = PostgresContainer(POSTGRES, username="postgres", password="postgres", dbname="postgres", driver=None)
    container.with_tmpfs_mount("/var/lib/postgresql").with_kwargs(shm_size="256m")
    _publish(container, POSTGRES_PORT)
    # Tests never cut the power, and every database they create is a file-system sync otherwise.
    container.with_command(["postgres", "-c", "fsync=off", "-c", "max_connections=200"])
    container.start()
    return Running(container.get_connection_url(host=_host(container)), container.stop)


def _publish(container: DockerContainer, port: int) -> None:
    """Publish a port on a free one; where the engine is this machine's, to this machine alone."""
    client = container.get_docker_client()
    local = client.get_connection_mode() is ConnectionMode.docker_host and client.host() in {"localhost", "127.0.0.1"}
    address = ("127.0.0.1", None) if local else None
    container.ports[f"{port}/tcp"] = address  # type: ignore[assignment] # Docker's client takes the address too


def _host(container: DockerContainer) -> str:
    """Tell where the engine publishes ports; `localhost` may also be an IPv6 address, where nothing listens."""
    host = str(container.get_container_host_ip())
    return "127.0.0.1" if host == "localhost" else host


def obtainable(client: docker.DockerClient, image: str) -> bool:
    """Say whether the engine has an image, pulling it if need be."""
    try:
        try:
            client.images.get(image)
        except ImageNotFound:
            client.images.pull(image)
    except (DockerException, RequestException):
        return False
    return True


def _settle_cleanup() -> None:
    """Let testcontainers' own container remove what a killed test run leaves, where its image can be had.

    Without that image nothing would start at all, so there the fixtures alone clean up.
    """
    client = docker.from_env(timeout=ANSWER_SECONDS)
    try:
        testcontainers_config.ryuk_disabled = not obtainable(client, testcontainers_config.ryuk_image)
    finally:
        client.close()


def _archive(name: str, text: str) -> bytes:
    content = text.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
