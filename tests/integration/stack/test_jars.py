"""Fetching the broker's jars, from a repository that the test serves, and failing to."""

from __future__ import annotations

import gc
import hashlib
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from cli.stack.errors import StackError
from cli.stack.jars import Jar, broker_jars
from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # the Maven client's, of every 404


@pytest.fixture(autouse=True)
def closed_sockets() -> Iterator[None]:
    yield
    gc.collect()  # here, where the warning is expected, not in whichever test comes later


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def publish(repository: Path, name: str, content: bytes) -> Jar:
    folder = repository / "org" / "example" / name / "1"
    folder.mkdir(parents=True)
    (folder / f"{name}-1.jar").write_bytes(content)
    return Jar("org.example", name, "1", hashlib.sha256(content).hexdigest())


def test_jars_are_fetched_once_and_progress_is_said(tmp_path: Path) -> None:
    wanted = [publish(tmp_path / "repository", f"jar{number}", b"x" * number) for number in range(12)]
    said: list[str] = []

    with serving(tmp_path / "repository") as url:
        found = broker_jars(tmp_path / "cache", said.append, url, wanted)
    again = broker_jars(tmp_path / "cache", said.append, "http://127.0.0.1:1", wanted)

    assert found == again
    assert [path.read_bytes() for path in found] == [b"x" * number for number in range(12)]
    assert [line.strip() for line in said[1:]] == ["10 of 12 jars, 0 MB", "12 of 12 jars, 0 MB"]
    assert sorted(path.name for path in (tmp_path / "cache" / "kafka-jars").iterdir()) == sorted(
        path.name for path in found
    )


def test_what_did_arrive_is_kept_and_what_did_not_is_named(tmp_path: Path) -> None:
    wanted = [publish(tmp_path / "repository", "there", b"there"), Jar("org.example", "absent", "1", "0" * 64)]
    with serving(tmp_path / "repository") as url, pytest.raises(StackError, match=r"1 of 2 jars .*\(absent-1\.jar\)"):
        broker_jars(tmp_path / "cache", print, url, wanted)

    wanted[1] = publish(tmp_path / "repository", "absent", b"no longer")
    said: list[str] = []
    with serving(tmp_path / "repository") as url:
        broker_jars(tmp_path / "cache", said.append, url, wanted)

    assert "1 jars" in said[0]


def test_a_jar_with_another_content_than_the_pinned_is_refused(tmp_path: Path) -> None:
    jar = publish(tmp_path / "repository", "jar", b"tampered with")
    pinned = Jar(jar.group, jar.artifact, jar.version, "0" * 64)

    with serving(tmp_path / "repository") as url, pytest.raises(StackError, match=r"the pinned one is 000"):
        broker_jars(tmp_path / "cache", print, url, [pinned])

    assert not list(tmp_path.glob("cache/**/*.jar"))


def test_without_a_network_one_message_names_what_could_not_be_fetched(tmp_path: Path) -> None:
    begun = time.monotonic()

    with pytest.raises(StackError) as caught:
        broker_jars(tmp_path / "cache", print, f"http://127.0.0.1:{free_port()}")

    told = str(caught.value)
    assert "46 of 46 jars of Apache Kafka could not be fetched" in told
    assert "Is the network there?" in told
    assert "KAFKA_BOOTSTRAP_SERVERS" in told
    assert time.monotonic() - begun < 30


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = tmp_path / "file" / "cache"

    with pytest.raises(StackError, match=r"cannot be kept in .*/file/cache/kafka-jars: Not a directory"):
        broker_jars(cache, print, "http://127.0.0.1:1")
