"""The server under rough handling: slow and silent clients, oversized requests, killed workers, reloads under load."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import urllib3

from cli.stack.ports import free_port
from tests.integration.ingest.test_killed_worker import PATIENCE, App, ready, wait, workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.ingest.conftest import Log

ROOT = Path(__file__).parents[3]
EVENT = {"name": "order_placed", "occurred_at": "2026-06-07T10:30:00Z"}
THREADS = 4
CAN_SHARE = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1


@contextmanager
def serving(environment: Mapping[str, str], **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `serve ingest` as a process of its own; yields it and its port."""
    port = free_port()
    command = [sys.executable, "-m", "cli", "serve", "ingest", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | dict(environment) | variables)
    try:
        wait(lambda: ready(f"http://127.0.0.1:{port}"))
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def answer(connection: socket.socket) -> bytes:
    """Read what comes until the server ends the connection or there is a whole head."""
    got = b""
    while b"\r\n\r\n" not in got and (more := connection.recv(65_536)):
        got += more
    return got


def ended(connection: socket.socket) -> bool:
    """Tell whether the server ends the connection without an answer."""
    try:
        return answer(connection) == b""
    except ConnectionResetError:
        return True


def head(api_key: str, path: str, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {api_key}", "Content-Type: application/json"]
    return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode()


def dribble(connection: socket.socket, stop: threading.Event) -> None:
    """Send a byte now and then, for as long as the server takes it."""
    try:
        while not stop.wait(0.3):
            connection.sendall(b"x")
    except OSError:
        return


def test_clients_that_do_not_send_their_bodies_cannot_take_the_threads(
    environment: Mapping[str, str], api_key: str
) -> None:
    limits = {"WORKERS": "1", "THREADS": str(THREADS), "BODY_SECONDS": "3"}
    stop = threading.Event()
    with serving(environment, **limits) as (_, port):
        slow = [connect(port) for _ in range(THREADS)]
        for connection in slow:
            connection.sendall(head(api_key, "/api/v1/contacts", "Content-Length: 100000") + b"{")
        dribbling = threading.Thread(target=dribble, args=(slow[0], stop))
        dribbling.start()
        try:
            app = App(f"http://127.0.0.1:{port}", api_key)  # is patient, and meets nothing but slowness
            assert app.send("/api/v1/contacts", {"external_id": "one"})["id"]
            for connection in slow:
                assert ended(connection)
        finally:
            stop.set()
            dribbling.join()
            for connection in slow:
                connection.close()


def test_connections_that_say_nothing_are_ended_and_make_room(environment: Mapping[str, str]) -> None:
    with serving(environment, WORKERS="1", HEAD_SECONDS="2", MAX_CONNECTIONS="16") as (_, port):
        silent = [connect(port) for _ in range(24)]
        half = connect(port)
        half.sendall(b"POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        wait(lambda: ready(f"http://127.0.0.1:{port}"))
        assert ended(silent[0])
        assert ended(half)
        for connection in [*silent, half]:
            connection.close()


def test_what_is_too_large_is_refused_before_it_takes_memory(environment: Mapping[str, str], api_key: str) -> None:
    with serving(environment, WORKERS="1") as (process, port):
        (worker,) = workers(process.pid)
        before = worker.memory_info().rss

        def status(*parts: bytes) -> int:
            connection = connect(port)
            try:
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass  # it was refused before all of it was sent
            got = answer(connection)
            connection.close()
            return int(got.split(b" ", 2)[1])

        path = "/api/v1/events/batch"
        assert status(head(api_key, path, "X-Large: " + "x" * 2_000_000)) == 431
        assert status(head(api_key, path, *(f"X-{number}: x" for number in range(120)))) == 431
        assert status(head(api_key, path, "Content-Length: 2000000000")) == 413
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        chunked = head(api_key, path, "Transfer-Encoding: chunked")
        assert status(chunked, *([chunk] * 800)) == 413
        assert status(chunked, b"2\r\n{}\r\n0\r\n\r\n") == 422
        assert worker.memory_info().rss - before < 40 * 2**20


def test_a_worker_killed_again_and_again_does_not_end_the_server(environment: Mapping[str, str]) -> None:
    with serving(environment, WORKERS="1") as (process, port):
        for _ in range(3):  # granian by itself ends at the second
            (worker,) = workers(process.pid)
            worker.kill()
            wait(lambda dead=worker: worker_after(process, dead) is not None)
        wait(lambda: ready(f"http://127.0.0.1:{port}"))
        assert process.poll() is None


def worker_after(process: subprocess.Popen[bytes], dead: psutil.Process) -> psutil.Process | None:
    assert process.poll() is None, "the server has ended"
    return next((each for each in workers(process.pid) if each.pid != dead.pid), None)


@pytest.mark.skipif(not CAN_SHARE, reason="Linux alone, and one processor cannot be shared out")
def test_workers_share_the_processors_out_and_a_new_one_gets_those_of_the_old(environment: Mapping[str, str]) -> None:
    def shares(process: subprocess.Popen[bytes]) -> list[list[int]]:
        try:
            return sorted(worker.cpu_affinity() for worker in workers(process.pid))
        except psutil.NoSuchProcess:
            return []  # one has just ended

    allowed = psutil.Process().cpu_affinity()
    with serving(environment, WORKERS="2") as (process, _):
        wait(lambda: shares(process) == [allowed[::2], allowed[1::2]])
        old = workers(process.pid)[0]
        old.kill()
        wait(lambda: old not in workers(process.pid) and shares(process) == [allowed[::2], allowed[1::2]])
    with serving(environment, WORKERS="2", PIN_WORKERS="off") as (process, _):
        wait(lambda: shares(process) == [allowed, allowed])


def test_a_server_that_cannot_even_start_ends(environment: Mapping[str, str]) -> None:
    broken = os.environ | dict(environment) | {"INGEST_DATABASE_CONNECTIONS": "none"}
    command = [sys.executable, "-m", "cli", "serve", "ingest", "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, env=broken, timeout=PATIENCE, check=False, capture_output=True)
    assert done.returncode != 0
    assert b"INGEST_DATABASE_CONNECTIONS" in done.stderr


def test_reloading_and_stopping_under_load_loses_nothing(
    environment: Mapping[str, str], api_key: str, log: Log
) -> None:
    positions: dict[str, str] = {}
    sending = threading.Event()
    sending.set()
    with serving(environment, WORKERS="2") as (process, port):
        app = App(f"http://127.0.0.1:{port}", api_key)
        contact = app.send("/api/v1/contacts", {"external_id": "one"})["id"]

        def send(lane: int) -> None:
            number = 0
            while sending.is_set():
                number += 1
                event = EVENT | {"id": f"e-{lane}-{number}"}
                positions[event["id"]] = app.send(f"/api/v1/contacts/{contact}/events", event)["position"]

        with ThreadPoolExecutor(8) as threads:
            lanes = [threads.submit(send, lane) for lane in range(8)]
            try:
                wait(lambda: app.answered > 100)
                old = {worker.pid for worker in workers(process.pid)}
                process.send_signal(signal.SIGHUP)
                wait(lambda: not any(psutil.pid_exists(pid) for pid in old))
                reached = app.answered
                wait(lambda: app.answered > reached + 100)
            finally:
                sending.clear()
            for lane in lanes:
                lane.result()
        stop_under_load(process, port, api_key, contact, positions)
    written = [json.loads(record["value"])["id"] for record in log.records()]
    missing = positions.keys() - set(written)
    assert not missing, "answered 202, and not in the topic"
    assert len(set(positions.values())) == len(positions), "each answer names a place of its own"


def stop_under_load(
    process: subprocess.Popen[bytes], port: int, api_key: str, contact: int, positions: dict[str, str]
) -> None:
    """Send without trying again, stop the server meanwhile, and note what was answered."""
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=10)
    answered: list[str] = []

    def send(number: int) -> None:
        body: dict[str, Any] = EVENT | {"id": f"last-{number}"}
        url = f"http://127.0.0.1:{port}/api/v1/contacts/{contact}/events"
        try:
            got = pool.request("POST", url, body=json.dumps(body), headers=headers)
        except urllib3.exceptions.HTTPError:
            return  # not answered: its sender would send it again
        assert got.status in {202, 503}, got.data
        if got.status == 202:
            positions[f"last-{number}"] = got.json()["position"]
            answered.append(f"last-{number}")

    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(send, number) for number in range(2_000)]
        wait(lambda: len(answered) > 100)
        process.terminate()
        process.wait(timeout=60)
        for each in sent:
            each.result()
