"""What the stack remembers in `.run/`: where its parts are, so that a restart keeps every address, key and password."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LOCK_SECONDS = 600.0


@dataclass(frozen=True)
class Layout:
    """The files below the project's folder."""

    root: Path

    @property
    def run(self) -> Path:
        """The folder of everything that a running stack keeps."""
        return self.root / ".run"

    @property
    def env(self) -> Path:
        """The addresses and secrets for other programs, as dotenv."""
        return self.run / "stack.env"

    @property
    def state(self) -> Path:
        """What the stack itself remembers."""
        return self.run / "state.json"

    @property
    def logs(self) -> Path:
        """One log a part."""
        return self.run / "logs"

    def pid(self, part: str) -> Path:
        """Return a part's pid file."""
        return self.run / "pids" / f"{part}.json"

    def log(self, part: str) -> Path:
        """Return a part's log."""
        return self.logs / f"{part}.log"


@dataclass
class State:
    """Ports, secrets and additional services. `external` holds the addresses given from outside at the last start."""

    instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    ports: dict[str, int] = field(default_factory=dict)
    postgres_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    api_keys: dict[str, str] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)


def load(layout: Layout) -> State:
    """Read the state; a new one where there is none."""
    try:
        return State(**json.loads(layout.state.read_text(encoding="utf-8")))
    except FileNotFoundError:
        if (layout.run / "postgres").exists():
            raise StackError(
                f"{layout.state} is gone; it held the password of {layout.run / 'postgres'}. Restore it, "
                f"or remove {layout.run} to begin anew without that data."
            ) from None
        return State()
    except (ValueError, TypeError) as error:
        raise StackError(
            f"{layout.state} cannot be read ({error}). It holds the passwords of the data beside it: restore it, "
            f"or remove {layout.run} to begin anew without that data."
        ) from error


def save(layout: Layout, state: State) -> None:
    """Write the state, readable by its owner alone."""
    write_private(layout.state, json.dumps(asdict(state), indent=2) + "\n")


def write_env(layout: Layout, variables: Mapping[str, str]) -> None:
    """Leave the addresses for other programs: `NAME=value` lines that a shell, too, can read."""
    write_private(layout.env, "".join(f"{name}={value}\n" for name, value in variables.items()))


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, so that a crash leaves the old one or the new one; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    beside.replace(path)


@contextmanager
def locked(layout: Layout, say: Callable[[str], None]) -> Iterator[None]:
    """Let one command at a time change the stack. The lock goes with its process, however that ends."""
    layout.run.mkdir(parents=True, exist_ok=True)
    with (layout.run / "lock").open("w") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(
                        f"Another command has held {layout.run / 'lock'} for {LOCK_SECONDS:.0f} s."
                    ) from None
                if not told:
                    say("Another command is starting or stopping this stack; waiting for it.")
                    told = True
                time.sleep(0.1)
        yield
