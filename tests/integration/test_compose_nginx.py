"""The nginx of the compose file, run as it says there, in front of two services that tell what reached them."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest
import yaml

from cli.stack.ports import free_port
from schemas.routes import service_for
from tests.containers.lane import obtainable
from tests.containers.stub import Stub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

pytestmark = pytest.mark.docker
SERVICE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text(encoding="utf-8"))["services"]["nginx"]
START_SECONDS = 120


@dataclass(frozen=True)
class Front:
    """nginx's port and the services behind it."""

    port: int
    ingest: Stub
    query: Stub
    container: Container

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; status, headers with small letters, body."""
        with connected(self.port) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def arrived(self, method: str, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Send one request; what reached the service."""
        status, _, body = self.request(method, path, headers)
        assert status == 200, body
        arrived: dict[str, Any] = json.loads(body)
        return arrived


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    client = docker.from_env()
    if not obtainable(client, SERVICE["image"]):
        pytest.skip(f"the engine has no {SERVICE['image']} and cannot pull it")
    with Stub("ingest") as ingest, Stub("query") as query:
        port = free_port()
        container = client.containers.run(
            SERVICE["image"],
            detach=True,
            network_mode="host",  # so that nothing but its surroundings differs from the compose file
            user=SERVICE["user"],
            cap_drop=SERVICE["cap_drop"],
            security_opt=SERVICE["security_opt"],
            read_only=SERVICE["read_only"],
            tmpfs=dict(mount.partition(":")[::2] for mount in SERVICE["tmpfs"]),
            volumes=[volume.replace("./", f"{Path.cwd()}/", 1) for volume in SERVICE["volumes"]],
            environment={
                **SERVICE["environment"],
                "LISTEN": f"127.0.0.1:{port}",
                "INGEST_UPSTREAM": f"127.0.0.1:{ingest.port}",
                "QUERY_UPSTREAM": f"127.0.0.1:{query.port}",
            },
        )
        try:
            await_answer(port, container)
            yield Front(port, ingest, query, container)
        finally:
            container.remove(force=True, v=True)
            client.close()


def await_answer(port: int, container: Container) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with connected(port) as connection:
                connection.request("GET", "/")
                connection.getresponse().read()
        except (OSError, HTTPException):
            container.reload()
            logs = container.logs().decode()
            assert container.status != "exited", logs
            assert time.monotonic() < deadline, logs
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/contacts/17",
            "/api/v1",
            "/api/v1/contacts/17/events",
            "/api/v1/sidebar-tokens",
            "/api/v1x",
            "/api/v2/a",
        ),
        *(
            "/api/v1/sidebar-tokens-2",
            "//api/v1/contacts",
            "/api/v1/event-export",
            "/embed/1/sidebar",
            "/API/v1/contacts",
        ),
    ],
)
def test_requests_go_where_the_table_says(front: Front, method: str, path: str) -> None:
    status, headers, _ = front.request(method, path)
    assert (status, headers["x-service"]) == (200, service_for(method, path))


@pytest.mark.parametrize("path", ["/a//b?x=1&y=%2F", "/a%2Fb/%C3%A9", "/api/v1/contacts/17/events?cursor=a%20b"])
def test_the_path_arrives_as_it_was_sent(front: Front, path: str) -> None:
    assert front.arrived("GET", path)["path"] == path


def test_the_service_learns_who_asked_and_under_which_name(front: Front) -> None:
    headers = front.arrived("GET", "/", {"Host": "events.example:8443", "X-Forwarded-Proto": "https"})["headers"]
    assert headers["host"] == headers["x-forwarded-host"] == "events.example:8443"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert front.arrived("GET", "/", {"X-Forwarded-Proto": "gopher"})["headers"]["x-forwarded-proto"] == "http"


def test_a_request_id_is_passed_on_or_made(front: Front) -> None:
    assert front.arrived("GET", "/", {"X-Request-Id": "order-17.3"})["headers"]["x-request-id"] == "order-17.3"
    for given in ({}, {"X-Request-Id": "a b"}, {"X-Request-Id": "x" * 129}):
        made = front.arrived("GET", "/", given)["headers"]["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)


def test_a_stream_arrives_piece_by_piece(front: Front) -> None:
    front.query.more.clear()
    with connected(front.port) as connection:
        connection.request("GET", "/api/v1/contacts/17/event-stream")
        answer: HTTPResponse = connection.getresponse()
        assert answer.readline() == b"data: first\n"  # while the service holds the second piece back
        front.query.more.set()
        assert b"second" in answer.read()


def test_a_large_batch_passes_and_an_endless_body_does_not(front: Front) -> None:
    status, _, body = front.request("POST", "/api/v1/contacts/17/events", body=b"x" * 4_000_000)
    assert (status, json.loads(body)["body_bytes"]) == (200, 4_000_000)
    with connected(front.port) as connection:
        connection.putrequest("POST", "/api/v1/contacts/17/events")
        connection.putheader("Content-Length", str(4 * 2**20 + 1))
        connection.endheaders()
        answer = connection.getresponse()
        problem = json.loads(answer.read())
    assert (answer.status, answer.getheader("Content-Type")) == (413, "application/problem+json")
    assert (problem["status"], problem["code"]) == (413, "body_too_large")


def test_an_unanswered_write_is_sent_once_and_told_as_unknown(front: Front) -> None:
    before = front.ingest.requests
    status, headers, body = front.request("POST", "/api/v1/drop", {"X-Request-Id": "r-1"}, b"{}")
    problem = json.loads(body)
    assert (status, headers["content-type"], headers["retry-after"]) == (503, "application/problem+json", "1")
    assert (problem["status"], problem["code"], problem["request_id"]) == (503, "unavailable", "r-1")
    assert front.ingest.requests - before == 1


def test_a_page_that_nobody_answers_is_no_problem_document(front: Front) -> None:
    status, headers, _ = front.request("GET", "/drop")
    assert (status, headers["content-type"]) == (502, "text/html")


def test_metrics_stay_inside(front: Front) -> None:
    assert front.request("GET", "/metrics")[0] == 404


def test_the_log_holds_no_query_string(front: Front) -> None:
    front.request("GET", "/sign-in?token=very-secret", {"X-Request-Id": "logged-request"})
    deadline = time.monotonic() + START_SECONDS
    while "logged-request" not in (log := front.container.logs().decode()):  # the engine takes it over a moment later
        assert time.monotonic() < deadline, log
        time.sleep(0.05)
    line = next(json.loads(line) for line in log.splitlines() if "logged-request" in line)
    assert (line["method"], line["path"], line["status"], line["service"]) == ("GET", "/sign-in", 200, "query")
    assert "very-secret" not in log
