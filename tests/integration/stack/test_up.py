"""`make up` in real life: again, after kills, beside strangers, with parts from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg import sql

from cli.stack.ports import free_port
from cli.stack.processes import is_dead
from tests.integration.stack.ordinary import Ordinary, ordinary
from tests.integration.stack.project import PARTS, Project, copy_code, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts import Parts

__all__ = ["ordinary"]  # the fixture


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our packages, as they are now."""
    folder = tmp_path_factory.mktemp("code")
    copy_code(folder)
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, code: Path) -> Iterator[Project]:
    """A project whose stack each test finds in whatever state the one before left it: `up` mends that."""
    root = tmp_path_factory.mktemp("stack") / "a folder, with ümlaut" / ("x" * 120)
    root.mkdir(parents=True)
    project = Project(root, code)
    yield project
    project.discard()


@pytest.fixture
def fresh(tmp_path: Path, code: Path) -> Iterator[Project]:
    """A project in which nothing has run yet."""
    project = Project(tmp_path, code)
    yield project
    project.discard()


def write(project: Project, value: str) -> None:
    """Leave something in both parts that a crash could lose."""
    producer = Producer({"bootstrap.servers": project.env["KAFKA_BOOTSTRAP_SERVERS"], "acks": "all"})
    producer.produce(project.env["TOPIC"], value, key=value, partition=0)
    assert producer.flush(30) == 0
    with psycopg.connect(project.env["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.left_here (value text)")
        connection.execute("INSERT INTO public.left_here VALUES (%s)", [value])


def read(project: Project) -> tuple[set[str], set[str]]:
    """Find what is still in both."""
    consumer = Consumer({"bootstrap.servers": project.env["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "test"})
    place = TopicPartition(project.env["TOPIC"], 0, 0)
    end = consumer.get_watermark_offsets(place, timeout=30)[1]
    consumer.assign([place])
    records = consumer.consume(end, timeout=30)
    consumer.close()
    with psycopg.connect(project.env["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT value FROM public.left_here").fetchall()
    return {(record.value() or b"").decode() for record in records}, {row[0] for row in rows}


def test_up_starts_everything_says_where_it_is_and_a_second_up_does_nothing(running: Project) -> None:
    told = running.run("up")
    pids = running.pids()

    assert set(pids) == PARTS
    assert running.env["BASE_URL"] in told
    assert running.layout.env.stat().st_mode & 0o777 == 0o600
    parts = {"KAFKA_BOOTSTRAP_SERVERS", "TOPIC", "DATABASE_URL"}
    assert set(running.env) == {"BASE_URL", "INGEST_URL", "QUERY_URL", "API_KEY", "SECRET_KEY", *parts}

    again = running.run("up")

    assert again.startswith("Everything is running already.")
    assert running.pids() == pids
    assert seconds_of(running, "up") < 5


def test_a_shell_that_read_our_own_addresses_does_not_replace_the_parts_by_themselves(running: Project) -> None:
    running.run("up")

    assert running.run("up", **running.env).startswith("Everything is running already.")


def test_status_fails_with_the_reason_until_everything_can_do_its_job(running: Project) -> None:
    running.run("up")
    code, shown = running.attempt("status")
    assert code == 0, shown
    assert [line.split()[0] for line in shown.splitlines()] == ["part", "kafka", "postgres", "server", "projector"]
    assert all(line.endswith("yes") for line in shown.splitlines()[1:])
    assert "postgres:" not in shown  # no password on a screen

    running.kill(["projector"])
    code, shown = running.attempt("status")
    assert code == 1
    assert shown.splitlines()[-1].endswith("no: not running")


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_killed_part_comes_back_alone(running: Project, part: str) -> None:
    running.run("up")
    write(running, f"before {part} was killed")
    addresses, before = running.env, running.pids()

    running.kill([part])
    running.run("up")

    after = running.pids()
    assert after[part] != before[part]
    assert {name: pid for name, pid in after.items() if name != part} == {
        name: pid for name, pid in before.items() if name != part
    }
    assert running.env == addresses
    assert all(f"before {part} was killed" in found for found in read(running))


def test_after_a_kill_of_everything_nothing_is_lost_and_every_address_is_the_same(running: Project) -> None:
    running.run("up")
    write(running, "before the kill")
    addresses = running.env

    running.kill(PARTS)
    running.run("up")

    assert running.env == addresses
    assert all("before the kill" in found for found in read(running))
    assert running.attempt("status")[0] == 0


def test_down_stops_every_process_and_keeps_the_data(running: Project) -> None:
    running.run("up")
    write(running, "before down")
    processes = [psutil.Process(pid) for pid in running.pids().values()]
    family = [*processes, *(child for each in processes for child in each.children(recursive=True))]

    assert running.run("down").startswith("Stopped 4 parts")

    assert all(is_dead(process) for process in family)
    assert running.run("down").startswith("Nothing is running")
    running.run("up")
    assert all("before down" in found for found in read(running))


def test_a_taken_port_picks_another_and_everything_follows(running: Project) -> None:
    running.run("up")
    write(running, "at the old address")
    before = running.env
    ports = json.loads(running.layout.state.read_text())["ports"]
    running.run("down")

    with ExitStack() as strangers:
        for port in ports.values():
            listener = strangers.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen()
        told = running.run("up")
        after = running.env
        assert running.attempt("status")[0] == 0

    assert f"Port {ports['kafka']} is taken" in told
    for name in ("BASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
        assert after[name] != before[name]
    assert all("at the old address" in found for found in read(running))


def test_a_port_that_is_taken_while_its_part_starts_picks_another_too(running: Project) -> None:
    running.run("up")
    running.run("down")
    port = json.loads(running.layout.state.read_text())["ports"]["kafka"]

    for _ in range(5):
        starting = running.begin("up")
        assert starting.stdout is not None
        while (line := starting.stdout.readline()) != "Starting Kafka\n":  # from here on Java takes a second to listen
            assert line, "it has ended"
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            caught = was_faster(thief, port)
            told = starting.communicate(timeout=500)[0]
        if caught:
            break
        running.run("down")

    assert starting.returncode == 0, told
    assert f"Port {port} is taken" in told
    assert running.attempt("status")[0] == 0


def was_faster(thief: socket.socket, port: int) -> bool:
    """Take the port; not where its part already has it, as happens when this process has had to wait."""
    try:
        thief.bind(("127.0.0.1", port))
        thief.listen()
    except OSError:
        return False
    return True


def test_a_stranger_that_got_the_number_of_a_part_is_never_harmed(running: Project) -> None:
    running.run("up")
    running.run("down")
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    record = {"pid": stranger.pid, "create_time": 1.0, "argv": ["java"], "fingerprint": ""}
    try:
        for part in PARTS:
            running.layout.pid(part).write_text(json.dumps(record))
        assert running.run("down").startswith("Nothing is running")
        for part in PARTS:
            running.layout.pid(part).write_text(json.dumps(record))
        running.run("up")
        assert running.attempt("status")[0] == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_two_at_the_same_time_start_one_stack(running: Project) -> None:
    running.run("down")

    both = [running.begin("up"), running.begin("up")]
    told = [process.communicate(timeout=500)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    assert sum("Everything is running already" in each for each in told) == 1
    assert sum("waiting for it" in each for each in told) == 1
    folders = (str(running.layout.run / "kafka"), str((running.layout.run / "postgres" / "server").resolve()))
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [sum(folder in command for command in commands) for folder in folders] == [1, 1]


def test_an_interrupted_up_is_finished_by_the_next(running: Project) -> None:
    running.run("down")
    first = running.begin("up")
    assert first.stdout is not None
    first.stdout.readline()  # it has begun to start something
    first.send_signal(signal.SIGKILL)
    first.communicate()

    running.run("up")

    assert running.attempt("status")[0] == 0


def test_logs_show_every_part_by_name(running: Project) -> None:
    running.run("up")

    shown = running.run("logs", "--no-follow", "--lines", "1000")

    assert {line.split("|")[0].strip() for line in shown.splitlines()} >= {"kafka", "postgres"}
    assert len(running.run("logs", "--no-follow", "--lines", "1").splitlines()) <= len(PARTS)


def test_an_added_service_is_started_once_comes_back_and_stops_with_the_rest(running: Project) -> None:
    running.run("up")

    script = (
        "import os; from pathlib import Path; from cli.stack.services import start_service\n"
        "print(start_service(Path.cwd(), os.environ, name='second', arguments=['serve', 'query'], port=8090))"
    )

    def add() -> str:
        env = {**os.environ, **running.env, "PYTHONPATH": str(running.code)}
        command = [sys.executable, "-c", script]
        return subprocess.run(command, cwd=running.root, env=env, capture_output=True, text=True, check=True).stdout

    address = add()
    assert address.startswith("http://127.0.0.1:")
    assert add() == address
    assert "second" in running.run("status")
    running.kill(["second"])
    running.run("up")
    assert "second" in running.pids()
    running.run("down")
    assert running.pids() == {}
    running.run("up")
    assert set(running.pids()) == {*PARTS, "second"}


@pytest.fixture
def empty_database(stack: Parts) -> Iterator[str]:
    """An empty database of somebody else's server."""
    name = f"outside_{uuid4().hex[:12]}"
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield stack.database_url(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_parts_from_outside_replace_ours(fresh: Project, stack: Parts, empty_database: str, topic: str) -> None:
    outside = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": empty_database,
        "TOPIC": topic,
        "PARTITIONS": "3",
    }

    told = fresh.run("up", **outside, XDG_CACHE_HOME=str(fresh.root / "no cache is needed"))

    assert "Fetching" not in told
    assert "Starting Kafka" not in told
    assert set(fresh.pids()) == {"server", "projector"}
    assert {name: fresh.env[name] for name in outside if name != "PARTITIONS"} == {
        name: value for name, value in outside.items() if name != "PARTITIONS"
    }
    assert not (fresh.layout.run / "kafka").exists()
    assert not (fresh.layout.run / "postgres").exists()
    code, shown = fresh.attempt("status")
    assert code == 0, shown
    assert shown.count("external") == 2


def test_a_part_from_outside_that_does_not_answer_is_named(fresh: Project, stack: Parts) -> None:
    code, told = fresh.attempt(
        "up",
        KAFKA_BOOTSTRAP_SERVERS=stack.bootstrap_servers,
        DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{free_port()}/app",
    )

    assert code == 1
    assert "PostgreSQL at 127.0.0.1:" in told
    assert "secret" not in told
    assert "Traceback" not in told


def test_without_a_network_the_first_up_says_what_it_could_not_fetch(fresh: Project) -> None:
    code, told = fresh.attempt(
        "up", XDG_CACHE_HOME=str(fresh.root / "cache"), MAVEN_REPOSITORY_URL=f"http://127.0.0.1:{free_port()}"
    )

    assert code == 1
    assert "jars of Apache Kafka could not be fetched" in told
    assert "Traceback" not in told


def test_a_cache_that_cannot_be_written_is_named(fresh: Project) -> None:
    (fresh.root / "file").touch()
    cache = fresh.root / "file" / "cache"

    code, told = fresh.attempt("up", XDG_CACHE_HOME=str(cache))

    assert code == 1
    assert str(cache) in told
    assert "Traceback" not in told


def test_a_folder_that_cannot_be_written_is_named(fresh: Project) -> None:
    fresh.layout.run.touch()  # a file where the folder should be: it stops root, too

    code, told = fresh.attempt("up")

    assert code == 1
    assert str(fresh.layout.run) in told
    assert "Traceback" not in told
    fresh.layout.run.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of 1 MB")
@pytest.mark.parametrize("full", ["cache", "project"])
def test_a_full_disk_is_named(tmp_path: Path, code: Path, full: str) -> None:
    disk = tmp_path / "small disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False).returncode:
        pytest.skip("this root may not mount")
    project = Project(disk if full == "project" else tmp_path, code)
    try:
        variables = {"XDG_CACHE_HOME": str(disk)} if full == "cache" else {}
        exit_code, told = project.attempt("up", **variables)
        assert exit_code == 1
        assert str(disk) in told
        assert "MB free" in told or "No space left" in told or "MB are free" in told
        assert "Traceback" not in told
    finally:
        project.discard()
        subprocess.run(["umount", disk], check=True)


def test_an_ordinary_user_runs_all_of_it(ordinary: Ordinary) -> None:
    cache = ordinary.home / "cache"
    Path(cache).mkdir(mode=0o755)
    for jar in Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")).glob("contact-events/kafka-jars/*.jar"):
        target = cache / "contact-events" / "kafka-jars" / jar.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(jar.read_bytes())
    try:
        up = ordinary.run("-m", "cli", "stack", "up", XDG_CACHE_HOME=str(cache))
        assert up.returncode == 0, up.stdout + up.stderr
        status = ordinary.run("-m", "cli", "stack", "status")
        assert status.returncode == 0, status.stdout
        owners = {psutil.Process(pid).uids().real for pid in Project(ordinary.home, ordinary.home).pids().values()}
        assert owners == {ordinary.account.uid}
    finally:
        ordinary.run("-m", "cli", "stack", "down")
