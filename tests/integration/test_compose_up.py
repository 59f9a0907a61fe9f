"""The compose file, run: one event through every container, and what happens when containers come and go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import docker
import pytest
import urllib3

from cli.stack.ports import free_port
from tests.containers.images import NGINX, PYTHON
from tests.containers.lane import obtainable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
UP_SECONDS = 300


@dataclass(frozen=True)
class Compose:
    """One run of the compose file under a project name, an image tag and a port of its own."""

    project: str
    port: int
    environment: dict[str, str]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`; a failure shows what it said."""
        command = ["docker", "compose", "--project-name", self.project, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done

    def up(self, *services: str) -> None:
        """Bring services, or all, up and wait until they are healthy; a failure shows the logs."""
        arguments = ["up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS), *services]
        done = self.run(*arguments, check=False)
        if done.returncode:
            pytest.fail(f"{done.stderr[-3000:]}\n{self.run('logs', '--tail', '40').stdout}")

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container."""
        return self.run("exec", "--no-TTY", service, *command).stdout.strip()

    def request(
        self, method: str, path: str, key: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send one request to the public port."""
        answer = urllib3.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            body=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            retries=False,
            timeout=60,
        )
        return answer.status, json.loads(answer.data)

    def post_event(self, contact: int, key: str, event_id: str) -> tuple[int, dict[str, Any]]:
        """Record one event under an id of ours."""
        event = {
            "id": event_id,
            "name": "plan_upgraded",
            "occurred_at": "2026-06-07T10:30:00Z",
            "properties": {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50},
        }
        return self.request("POST", f"/api/v1/contacts/{contact}/events", key, event)

    def event_ids(self, contact: int, key: str, position: str) -> list[str]:
        """Read the contact's timeline, at the earliest at that position."""
        deadline = time.monotonic() + 120
        path = f"/api/v1/contacts/{contact}/events?position={position}"
        while (answered := self.request("GET", path, key))[0] != 200:  # the tables are waited for two seconds each time
            assert answered[0] == 503, answered
            assert time.monotonic() < deadline, answered
        page = answered[1]
        return [event["id"] for event in page["data"]]


def environment(**more: str) -> dict[str, str]:
    """What `docker compose` needs of this process's environment, and nothing that would set the file's variables."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG") if name in os.environ}
    return kept | more


@pytest.fixture(scope="module")
def plugin() -> None:
    if not shutil.which("docker"):
        pytest.skip("the docker command is not installed")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose plugin")


@pytest.fixture(scope="module")
def compose(plugin: None) -> Iterator[Compose]:  # noqa: ARG001 - what it needs first
    client = docker.from_env()
    if absent := [image for image in (NGINX, PYTHON) if not obtainable(client, image)]:
        pytest.skip(f"the engine has no {' and no '.join(absent)} and cannot pull it")
    client.close()
    name = f"contact-events-test-{uuid4().hex[:8]}"
    port = free_port()
    secrets = {"SECRET_KEY": "a secret of the tests, long enough to sign", "POSTGRES_PASSWORD": "letters0and1digits"}
    system = Compose(name, port, environment(PORT=str(port), TAG=name, KAFKA_HEAP_OPTS="-Xms128m -Xmx512m", **secrets))
    try:
        system.run("build")
        system.up()
        yield system
    finally:
        system.run("down", "--volumes", "--remove-orphans", "--timeout", "20", check=False)
        subprocess.run(["docker", "image", "rm", "--force", f"contact-events:{name}"], capture_output=True, check=False)


@pytest.fixture(scope="module")
def key(compose: Compose) -> str:
    workspace = compose.inside("ingest", "contact-events", "workspaces", "create", "--name", "Test")
    return compose.inside("ingest", "contact-events", "keys", "create", "--workspace", workspace, "--name", "test")


@pytest.fixture(scope="module")
def contact(compose: Compose, key: str) -> int:
    status, answer = compose.request("POST", "/api/v1/contacts", key, {"external_id": "shop-17"})
    assert status == 201, answer
    return int(answer["id"])


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("missing", ["SECRET_KEY", "POSTGRES_PASSWORD"])
def test_a_missing_secret_is_named_with_what_to_do(missing: str, tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "x" * 32, "POSTGRES_PASSWORD": "x"}
    del secrets[missing]
    empty = tmp_path / "env"
    empty.touch()  # so that a .env beside the compose file does not count
    command = ["docker", "compose", "--env-file", str(empty), "config", "--quiet"]
    done = subprocess.run(command, env=environment(**secrets), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"put {missing}=... into .env" in done.stderr


def test_an_event_passes_through_all_containers(compose: Compose, key: str, contact: int) -> None:
    event_id = uuid4().hex
    status, answer = compose.post_event(contact, key, event_id)
    assert (status, answer["id"]) == (202, event_id)
    assert event_id in compose.event_ids(contact, key, answer["position"])


@pytest.mark.parametrize("service", ["ingest", "query", "projector"])
def test_our_processes_are_nobody_and_cannot_write(compose: Compose, service: str) -> None:
    assert compose.inside(service, "id", "-u") == "10001"
    assert "Read-only file system" in compose.run("exec", "-T", service, "touch", "/app/x", check=False).stderr


def test_a_service_that_comes_back_elsewhere_is_found(compose: Compose, key: str, contact: int) -> None:
    before = compose.inside("ingest", "hostname", "-i")
    compose.run("rm", "--stop", "--force", "ingest")
    compose.run(
        "up", "--detach", "--no-deps", "--scale", "projector=2", "projector"
    )  # takes the address, if it is free
    compose.run("up", "--detach", "--no-deps", "--wait", "ingest")
    assert compose.inside("ingest", "hostname", "-i") != before
    event_id = uuid4().hex
    deadline = time.monotonic() + 120
    while (answered := compose.post_event(contact, key, event_id))[0] != 202:
        assert answered[0] == 503, answered
        assert time.monotonic() < deadline, answered
        time.sleep(0.2)
    assert event_id in compose.event_ids(contact, key, answered[1]["position"])


def test_what_was_recorded_outlives_the_containers(compose: Compose, key: str, contact: int) -> None:
    event_id = uuid4().hex
    status, answer = compose.post_event(contact, key, event_id)
    assert status == 202
    compose.run("down")
    compose.up()
    assert event_id in compose.event_ids(contact, key, answer["position"])
    again, _ = compose.post_event(contact, key, event_id)
    assert again == 202
    assert compose.event_ids(contact, key, answer["position"]).count(event_id) == 1
