"""The Apache Kafka broker's jars: a pinned list, fetched once into the user's cache.

Each jar is asked for by its own coordinate. Letting the Maven client resolve the broker's dependencies would replace
kafka-clients by an older one and break the broker.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from cli.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIST = Path(__file__).with_name("broker-jars.txt")
THREADS = 8
FETCH_SECONDS = 20
"""How long one request may go without a byte."""

ROOM_BYTES = 60_000_000
"""45 MB of jars, with some to spare."""


@dataclass(frozen=True)
class Jar:
    """A pinned jar and the SHA-256 its content must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, the same as in the repository."""
        return f"{self.artifact}-{self.version}.jar"

    def is_in(self, folder: Path) -> bool:
        """Say whether the folder holds it. Only a complete, checked file ever gets this name."""
        return (folder / self.name).is_file()


def pinned(text: str) -> list[Jar]:
    """Read `group:artifact:version sha256` lines."""
    jars = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def default_cache() -> Path:
    """Return the user's cache folder for this project: jars are fetched once per user, not once per checkout."""
    return Path(platformdirs.user_cache_path("contact-events"))


def broker_jars(
    cache: Path,
    say: Callable[[str], None],
    repository: str | None = None,
    wanted: Sequence[Jar] | None = None,
) -> list[Path]:
    """Return the broker's jars, fetching those that the cache lacks.

    `repository` is the address of a mirror; None means the public one. `wanted` is the pinned list unless given.
    Two callers at once do not disturb each other: each fetches into a folder of its own and moves complete files over.
    """
    wanted = wanted or pinned(LIST.read_text(encoding="utf-8"))
    folder = cache / "kafka-jars"
    missing = [jar for jar in wanted if not jar.is_in(folder)]
    if missing:
        say(f"Fetching Apache Kafka 4.3.1: {len(missing)} jars, up to 45 MB, into {folder}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            room = shutil.disk_usage(folder).free
            if room < ROOM_BYTES:
                raise StackError(
                    f"The broker's jars need {ROOM_BYTES // 1_000_000} MB in {folder}, where "
                    f"{room // 1_000_000} MB are free. "
                    "Make room, or set XDG_CACHE_HOME to a folder on another disk."
                )
            with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as staging:
                fetch_all(missing, folder, Path(staging), say, repository)
        except OSError as error:
            raise StackError(
                f"The broker's jars cannot be kept in {folder}: {error.strerror or error}. "
                "Set XDG_CACHE_HOME to a folder that can be written."
            ) from error
    return [folder / jar.name for jar in wanted]


def fetch_all(
    missing: Sequence[Jar], folder: Path, staging: Path, say: Callable[[str], None], repository: str | None
) -> None:
    """Fetch in parallel; on failures try each jar once more, then name what could not be had."""
    failed: dict[Jar, Exception] = {}
    done = 0
    size = 0
    with ThreadPoolExecutor(THREADS) as pool:
        running = {pool.submit(fetch, jar, folder, staging, repository): jar for jar in missing}
        for future in as_completed(running):
            try:
                size += future.result()
            except OSError as error:
                if not is_network(error):
                    pool.shutdown(cancel_futures=True)
                    raise
                failed[running[future]] = error
            except Exception as error:  # noqa: BLE001 - the Maven client raises bare RuntimeErrors
                failed[running[future]] = error
            else:
                done += 1
                if done % 10 == 0 or done == len(missing):
                    say(f"  {done} of {len(missing)} jars, {size / 1e6:.0f} MB")
    if failed:
        jar, first = next(iter(failed.items()))
        names = ", ".join(sorted(each.name for each in failed)[:4]) + (", ..." if len(failed) > 4 else "")  # noqa: PLR2004
        raise StackError(
            f"{len(failed)} of {len(missing)} jars of Apache Kafka could not be fetched from "
            f"{repository or 'the Maven central repository'} ({names}). The first failure was {jar.name}: {first}\n"
            "Is the network there? What did arrive is kept, so `make up` goes on from here. "
            "Behind a mirror, set MAVEN_REPOSITORY_URL; with a broker of your own, set KAFKA_BOOTSTRAP_SERVERS."
        )


def is_network(error: OSError) -> bool:
    """Tell a failure of the network (requests' exceptions are OSErrors too) from one of the disk."""
    import requests

    return isinstance(error, requests.RequestException | TimeoutError | ConnectionError)


def fetch(jar: Jar, folder: Path, staging: Path, repository: str | None) -> int:
    """Fetch one jar, check it and move it into place; return its size in bytes."""
    from jgo.maven import MavenContext

    remotes = {"mirror": repository.rstrip("/")} if repository else None
    context = MavenContext(repo_cache=staging, remote_repos=remotes, timeout=FETCH_SECONDS)
    arrived = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    content = arrived.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != jar.sha256:
        raise StackError(f"{jar.name} arrived with SHA-256 {found}, the pinned one is {jar.sha256}")
    with arrived.open("rb") as written:
        os.fsync(written.fileno())  # a file of the right name and no content after a power loss would break every start
    arrived.replace(folder / jar.name)
    return len(content)
