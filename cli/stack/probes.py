"""Questions to a running part: can it do its job? Each answers "" for yes, else the reason why not."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import TYPE_CHECKING

import psycopg
import urllib3

from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.stack.processes import Supervised

Probe = "Callable[[], str]"
METADATA, VERSION = 3, 1
"""Kafka's request for its brokers, in a version that every broker since 0.10 understands."""


def kafka_answers(bootstrap_servers: str, timeout: float = 2.0) -> str:
    """Ask one of the brokers for the list of those in service.

    By hand, because a client library retries, logs and waits by rules of its own where one plain answer is wanted. A
    broker that is still starting answers with an empty list.
    """
    reason = "no address"
    for address in bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout) as link:
                link.settimeout(timeout)
                client = b"contact-events"
                body = struct.pack(">hhih", METADATA, VERSION, 1, len(client)) + client + struct.pack(">i", 0)
                link.sendall(struct.pack(">i", len(body)) + body)
                with link.makefile("rb") as answer:
                    head = answer.read(12)
        except (OSError, ValueError) as error:
            reason = f"no answer from {address}: {error}"
            continue
        if len(head) == 12 and struct.unpack(">i", head[8:])[0] > 0:  # noqa: PLR2004 - size, correlation, count
            return ""
        reason = f"{address} is starting"
    return reason


def postgres_answers(url: str, timeout: int = 2) -> str:
    """Run one statement."""
    try:
        with psycopg.connect(url, connect_timeout=timeout) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    return ""


def http_answers(url: str, timeout: float = 2.0) -> str:
    """Ask a service's health or readiness page; a refusal names the checks that failed, where it says them."""
    try:
        answer = urllib3.request("GET", url, timeout=timeout, retries=False)
    except urllib3.exceptions.HTTPError as error:
        return f"no answer from {url}: {type(error).__name__}"
    if answer.status == 200:  # noqa: PLR2004 - HTTP
        return ""
    try:
        told = json.dumps(json.loads(answer.data), separators=(", ", ": "))
    except ValueError:
        told = ""
    return f"{url} answers {answer.status} {told}".strip()


def wait_until(
    probe: Callable[[], str], process: Supervised | None, what: str, seconds: float, slow: Callable[[str], None]
) -> None:
    """Wait until a probe is content. Stop early when the process behind it died: its last words say why.

    `slow` is told the reason once, when it takes longer than a reader would expect.
    """
    begun = time.monotonic()
    told = False
    while reason := probe():
        waited = time.monotonic() - begun
        if process is not None and process.pid is None:
            raise StackError(f"{what} ended while starting. The end of {process.log_file}:\n{process.last_words()}")
        if waited > seconds:
            log = f" Its log is {process.log_file}" if process else ""
            raise StackError(f"{what} is not ready after {waited:.0f} s: {reason}.{log}")
        if waited > 10 and not told:  # noqa: PLR2004 - seconds
            slow(f"{what} is not ready yet: {reason}")
            told = True
        time.sleep(0.05)
