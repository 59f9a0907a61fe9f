"""Lanes: groups of tests that need a tool which a machine may not have. Each is a pytest marker of the same name."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Lane:
    """`absent` tells why the lane cannot run here, None when it can."""

    name: str
    absent: Callable[[], str | None]


OLDEST_NODE = 20
"""What Segment's library for Node asks for."""

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@cache
def chromium() -> str | None:
    """Find a Chromium on PATH."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


@cache
def _no_chromium() -> str | None:
    return None if chromium() else "no Chromium found"


@cache
def _no_kcat() -> str | None:
    missing = [tool for tool in ("kcat", "jq") if not shutil.which(tool)]
    return f"{' and '.join(missing)} not installed" if missing else None


@cache
def _no_node() -> str | None:
    missing = [tool for tool in ("node", "npm") if not shutil.which(tool)]
    if missing:
        return f"{' and '.join(missing)} not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    return None if major.isdigit() and int(major) >= OLDEST_NODE else f"node is {version}, {OLDEST_NODE} is needed"


@cache
def no_docker() -> str | None:
    """Tell why containers cannot be used; None when a Docker engine with the images answers."""
    from tests.containers.lane import docker_unavailable  # noqa: PLC0415 - importing testcontainers takes a second

    return docker_unavailable()


LANES = (
    Lane("browser", _no_chromium),
    Lane("kcat", _no_kcat),
    Lane("node", _no_node),
    Lane("docker", no_docker),
)
