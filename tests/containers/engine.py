"""A Docker engine for the time of one command: `python -m tests.containers.engine .venv/bin/pytest -m docker`.

For a machine of continuous integration: Debian with docker.io and mmdebstrap, no engine running, no registry reached.
As root it starts dockerd on a socket and a data folder in a temporary place, builds stand-ins, runs the command with
DOCKER_HOST set, and stops dockerd. Like every dockerd it adds a bridge and packet-filter rules, which stay behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_SECONDS = 120
UNAVAILABLE = 69
"""Exit code (EX_UNAVAILABLE of sysexits.h) when no engine can be had here: the command was not run."""
PLUGIN = Path("cli-plugins/docker-compose")
PLUGIN_SUITE = "trixie"
"""The Debian release whose compose plugin needs nothing of the release it runs on."""


@contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """Run dockerd while the block lasts; gives the environment in which `docker` finds it."""
    address = f"unix://{folder}/docker.sock"
    places = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid"]
    environment = os.environ | {"DOCKER_HOST": address, "DOCKER_CONFIG": str(folder / "config")}
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(["dockerd", f"--host={address}", *places], stdout=log, stderr=log)
    try:
        await_answer(process, environment, folder / "dockerd.log")
        yield environment
    finally:
        process.terminate()
        process.wait()
        unmount(folder)


def unmount(folder: Path) -> None:
    """Undo the mounts that dockerd leaves (a network namespace's handle); the folder could not be removed otherwise."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    for place in sorted((place for place in mounted if Path(place).is_relative_to(folder)), reverse=True):
        subprocess.run(["umount", place], check=False)


def await_answer(process: subprocess.Popen[bytes], environment: dict[str, str], log: Path) -> None:
    """Wait until the engine answers; say what it said if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(["docker", "version"], env=environment, capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise click.ClickException(f"dockerd did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def add_compose(environment: dict[str, str]) -> None:
    """Give `docker` the compose plugin, from Debian's package, where the machine has none."""
    if not subprocess.run(
        ["docker", "compose", "version"], env=environment, capture_output=True, check=False
    ).returncode:
        return
    click.echo("The compose plugin")
    with tempfile.TemporaryDirectory() as folder:
        command = ["mmdebstrap", "--variant=extract", "--include=docker-compose", PLUGIN_SUITE, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"mmdebstrap failed:\n{done.stderr[-2000:]}")
        place = Path(environment["DOCKER_CONFIG"]) / PLUGIN
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(folder) / "usr/libexec/docker" / PLUGIN, place)


def main(command: Sequence[str]) -> int:
    """Run the command beside an engine with the stand-ins; its exit code."""
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, engine(Path(folder)) as environment:
        add_compose(environment)
        if subprocess.run([sys.executable, "-m", "tests.containers.build"], env=environment, check=False).returncode:
            raise click.ClickException("The stand-ins could not be built; the reason is above.")
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except click.ClickException as error:
        click.echo(error.message, err=True)
        sys.exit(UNAVAILABLE)
    except FileNotFoundError as error:
        click.echo(f"{error.filename} is not installed", err=True)
        sys.exit(UNAVAILABLE)
