"""Our own long-running processes in the stack: the server, the projector, and named ones that others add."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cli.stack.ports import HOST
from cli.stack.probes import http_answers, wait_until
from cli.stack.processes import Launch, Supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cli.stack.state import Layout

READY_SECONDS = 90.0
STOP_SECONDS = 30.0
CODE = Path(__file__).resolve().parents[2]
PACKAGES = ("cli", "ingest", "projector", "query", "runtime", "schemas")


@dataclass(frozen=True)
class Service:
    """A subcommand of ours that runs until it is told to stop, and answers over HTTP whether it can do its job.

    `{port}` in `arguments` and `variables` stands for the port it is given.
    """

    name: str
    arguments: Sequence[str]
    preferred_port: int
    ready_path: str = "/readyz"
    variables: Mapping[str, str] = field(default_factory=dict)


SERVER = Service("server", ["serve", "all", "--host", HOST, "--port", "{port}"], 8080)
PROJECTOR = Service("projector", ["projector", "run"], 8081, variables={"HEALTH_PORT": "{port}"})


def added(name: str, arguments: Sequence[str], port: int = 8090) -> Service:
    """Describe a service that others add: `contact-events ARGUMENTS --port PORT`, alive when /healthz answers."""
    return Service(name, [*arguments, "--port", "{port}"], port, ready_path="/healthz")


@cache
def code_version() -> str:
    """Tell one state of our code from another, so that `up` after an update restarts what runs the old one."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((CODE / package).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found = path.stat()
                digest.update(f"{path} {found.st_mtime_ns} {found.st_size}\n".encode())
    return digest.hexdigest()


class RunningService:
    """A service at its port, with the variables it runs with."""

    def __init__(
        self, service: Service, port: int, layout: Layout, base: Mapping[str, str], ours: Mapping[str, str]
    ) -> None:
        self.service = service
        self.port = port
        self.process = Supervised(
            service.name, layout.pid(service.name), layout.log(service.name), stop_seconds=STOP_SECONDS
        )
        self._root = layout.root
        self._base = base
        self._ours = {**ours, **{name: value.format(port=port) for name, value in service.variables.items()}}

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def ready(self) -> str:
        """Return "" when it can do its job, else the reason."""
        if not self.process.listens_on(self.port):
            return f"not listening on port {self.port} yet"
        return http_answers(self.address + self.service.ready_path)

    def launch(self) -> Launch:
        """Say how to run it."""
        argv = [sys.executable, "-m", "cli", *(part.format(port=self.port) for part in self.service.arguments)]
        wanted = repr((argv, sorted(self._ours.items()), code_version()))
        return Launch(
            argv, {**self._base, **self._ours}, self._root, fingerprint=hashlib.sha256(wanted.encode()).hexdigest()
        )

    def is_current(self) -> bool:
        """Say whether it runs, with these variables and this code."""
        return self.process.fingerprint == self.launch().fingerprint

    def begin(self) -> None:
        """Start it; one that runs with other variables or older code is stopped first."""
        self.process.stop()
        self.process.start(self.launch())

    def wait(self, say: Callable[[str], None]) -> None:
        """Wait until it can do its job."""
        wait_until(self.ready, self.process, f"The {self.service.name}", READY_SECONDS, say)


def start_service(  # noqa: PLR0913 - the place, then the service
    root: Path,
    environment: Mapping[str, str],
    *,
    name: str,
    arguments: Sequence[str],
    port: int,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Add a background process to the running stack, once: `contact-events ARGUMENTS --port PORT`.

    Returns its address when it answers. From then on `up` brings it back, `down` stops it, `status` and `logs` show it.
    `environment` is the mapping that commands get from cli/main.py.
    """
    from cli.stack.lifecycle import add
    from cli.stack.stack import Stack
    from cli.stack.state import Layout, locked

    with locked(Layout(root), say):
        return add(Stack(root, environment, say, as_before=True), name, list(arguments), port)
