"""Projectors as processes: sharing, stopping, killed, frozen and cut off; each record counts once all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import urllib3

from cli.stack.ports import free_port
from cli.topic import ensure_topic
from runtime.kafka import build_admin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.projector.conftest import Log, Projection, Records
    from tests.parts import Parts

ROOT = Path(__file__).parents[3]
TAKEOVER = 40
"""Seconds. Fifteen are promised; a busy machine may stretch them, and by Kafka's own defaults it would be fifty."""


@dataclass
class Process:
    """A projector of its own process."""

    popen: subprocess.Popen[bytes]
    port: int
    log_file: Path

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def health(self, path: str = "/readyz") -> int:
        try:
            return urllib3.request("GET", f"http://127.0.0.1:{self.port}{path}", timeout=5, retries=False).status
        except urllib3.exceptions.HTTPError:
            return 0

    def wait(self, timeout: float = 120) -> int:
        return self.popen.wait(timeout)


def until(condition: Callable[[], bool], seconds: float = 120, what: str = "the condition") -> float:
    """Poll until it holds; how long that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"{what} did not hold within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


class Processes:
    """Starts projectors, and ends them whatever happens."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self._environment = environment
        self._directory = directory
        self.all: list[Process] = []

    def start(self, **environment: str) -> Process:
        port = free_port()
        log_file = self._directory / f"projector-{len(self.all)}.log"
        environment = {**os.environ, **self._environment, "HEALTH_PORT": str(port), "LOG_LEVEL": "INFO", **environment}
        command = [sys.executable, "-m", "cli", "projector", "run"]
        with log_file.open("wb") as output:
            popen = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        process = Process(popen, port, log_file)
        self.all.append(process)
        return process

    def start_ready(self) -> Process:
        process = self.start()
        until(lambda: process.health() == 200, what="the projector's readiness")
        return process

    def end(self) -> None:
        for process in self.all:
            if process.popen.poll() is None:
                process.signal(signal.SIGCONT)
                process.popen.kill()
                process.wait()


@pytest.fixture
def processes(environment: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(environment, tmp_path)
    yield processes
    processes.end()


def applied(projection: Projection) -> int:
    return int(projection.value("SELECT sum(applied)::int FROM positions"))


def owners(projection: Projection) -> int:
    """How many projectors are connected: each has one connection while it works."""
    return int(
        projection.value(
            "SELECT count(DISTINCT pid) FROM pg_stat_activity"
            " WHERE application_name = 'contact-events projector' AND datname = current_database()"
        )
    )


def check_each_once(projection: Projection, events: int) -> None:
    assert projection.counts() == {"read": events, "applied": events}
    assert projection.value("SELECT count(*) FROM timeline") == events
    assert projection.value("SELECT sum(count)::int FROM contact_event_names") == events
    assert projection.value("SELECT sum(count)::int FROM event_names") == events


def test_projects_as_it_comes_and_stops_on_sigterm(
    processes: Processes, log: Log, records: Records, projection: Projection
) -> None:
    process = processes.start_ready()
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    until(lambda: applied(projection) == 30)
    until(lambda: projection.value("SELECT count(*) FROM batches WHERE caught_up_at IS NOT NULL") == 3)
    assert process.health("/healthz") == 200
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    check_each_once(projection, 30)


def test_two_share_the_partitions_and_one_takes_over_from_a_killed_one(
    processes: Processes, log: Log, records: Records, projection: Projection
) -> None:
    first, second = processes.start_ready(), processes.start_ready()
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    until(lambda: applied(projection) == 30)

    first.signal(signal.SIGKILL)
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    took = until(lambda: applied(projection) == 60, what="the takeover")

    assert took < TAKEOVER
    check_each_once(projection, 60)
    assert second.popen.poll() is None


def test_frozen_one_is_taken_over_from_and_refused_when_it_wakes(
    processes: Processes, log: Log, records: Records, projection: Projection
) -> None:
    first = processes.start_ready()
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    until(lambda: applied(projection) == 30)
    first.signal(signal.SIGSTOP)
    processes.start()
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    took = until(lambda: applied(projection) == 60, what="the takeover")
    assert took < TAKEOVER + 5  # the second one's start is in it

    first.signal(signal.SIGCONT)
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    until(lambda: applied(projection) == 90)
    until(lambda: first.health() == 200, what="the woken one's return")
    check_each_once(projection, 90)


def test_database_connections_cut_in_the_middle(
    processes: Processes, log: Log, records: Records, projection: Projection
) -> None:
    process = processes.start_ready()
    for _ in range(5):
        log.append(*[records.event(contact_id) for contact_id in range(1, 101)])
        projection.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'contact-events projector' AND datname = current_database()"
        )
    until(lambda: applied(projection) == 500)
    check_each_once(projection, 500)
    until(lambda: process.health() == 200)


def test_stops_with_the_error_of_its_own_name(
    processes: Processes, log: Log, records: Records, projection: Projection
) -> None:
    log.append(records.event(17))
    projection.catch_up()
    projection.connection.execute("UPDATE positions SET topic_id = gen_random_uuid()")
    process = processes.start()
    assert process.wait() == 1
    assert "TopicRecreatedError" in process.log_file.read_text()


def test_topic_that_is_recreated_while_it_works_stops_it(
    processes: Processes, log: Log, records: Records, projection: Projection, stack: Parts
) -> None:
    process = processes.start_ready()
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    until(lambda: applied(projection) == 30)
    admin = build_admin(stack.bootstrap_servers, "tests")
    admin.delete_topics([log.topic])
    until(lambda: log.topic not in admin.list_topics())
    ensure_topic(admin, log.topic, 3, 1)
    admin.close()
    assert process.wait() == 1
    assert "TopicRecreatedError" in process.log_file.read_text()
    assert applied(projection) == 30


def test_unmigrated_database_says_what_to_do(processes: Processes, environment: dict[str, str]) -> None:
    name = "unmigrated_" + environment["TOPIC"].replace("-", "_")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    url = environment["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    process = processes.start(DATABASE_URL=url)
    assert process.wait() == 1
    assert "contact-events migrate" in process.log_file.read_text()


def test_logs_hold_no_payloads_and_no_keys(
    processes: Processes, log: Log, records: Records, projection: Projection
) -> None:
    process = processes.start_ready()
    log.append(records.event(17, properties='{"canary":"c4n4ry"}'), records.created(17, email="c4n4ry@example.com"))
    log.append_raw(b"1/17/c4n4ry", b"c4n4ry", 0)
    until(lambda: projection.counts().get("read") == 3)
    process.signal(signal.SIGTERM)
    process.wait()
    assert "c4n4ry" not in process.log_file.read_text()
