"""Forks, ends and kills, with real processes. The server's place is taken by a file: no sockets."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contact_events import Client
from contact_events.transport import Response, TransportError
from sdk.python.tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
AWAY, HERE = "away", "here"


class FileTransport:
    """Writes each event's id and the process to a file, one a line; or finds nobody there."""

    def __init__(self, path: Path, state: str = HERE) -> None:
        self._path = path
        self._state = state

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Response:
        del path, seconds
        if self._state == AWAY:
            raise TransportError("nobody there")
        if headers.get("Content-Encoding") == "gzip":
            import gzip  # noqa: PLC0415

            body = gzip.decompress(body)
        events = json.loads(body)["events"]
        lines = "".join(f"\n{event['id']} {os.getpid()} ." for event in events).encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, lines)  # what a kill cuts off has no dot, and the next line begins anew
        os.close(descriptor)
        accepted = [{"status": "accepted", "id": event["id"], "position": "p", "warnings": []} for event in events]
        return Response(202, json.dumps({"items": accepted}).encode())

    def close(self) -> None:
        pass


def arrived(path: Path) -> list[tuple[str, int]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(line.split()[0], int(line.split()[1])) for line in lines if line.endswith(".")]


def client(path: Path, state: str = HERE, **settings: object) -> Client:
    settings = {"linger": 0.01, "transport": lambda: FileTransport(path, state), **settings}
    return Client("https://events.example.com", "ce_key", **settings)  # type: ignore[arg-type] # a test's own choice


def script(body: str, *arguments: object) -> subprocess.Popen[str]:
    """Run Python lines in a process of their own, with `client` and `arguments` at hand."""
    head = "import os, signal, sys\nfrom pathlib import Path\nfrom sdk.python.tests.test_processes import client\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + body, *map(str, arguments)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python/src'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill it at once; the rest of what it printed."""
    process.kill()
    assert process.stdout is not None
    assert process.stderr is not None
    rest = process.stdout.read().split()
    process.stderr.close()
    process.stdout.close()
    process.wait()
    return rest


def fork(child: object) -> int:
    """Run a function in a forked child; its exit code. The child skips pytest's own end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child()  # type: ignore[operator] # a function
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("spooled", [False, True])
def test_after_a_fork_each_process_delivers_its_own(tmp_path: Path, *, spooled: bool) -> None:
    to, spool = tmp_path / "arrived", tmp_path / "spool"
    parent = client(to, linger=60, spool=spool if spooled else None)
    before = {parent.track(17, "before") for _ in range(20)}

    def child() -> None:
        event_id = parent.track(17, "of the child")
        assert parent.flush(30)
        assert arrived(to) == [(event_id, os.getpid())]
        parent.close(30)

    assert fork(child) == 0
    after = parent.track(17, "after")
    assert parent.flush(30)
    parent.close()
    by_process = Counter(pid for _, pid in arrived(to))
    assert by_process[os.getpid()] == 21
    assert len(by_process) == 2
    assert before | {after} == {event_id for event_id, pid in arrived(to) if pid == os.getpid()}
    assert not spooled or list(spool.iterdir()) == []


def test_a_child_that_only_forked_does_not_keep_its_parents_spool_locked(tmp_path: Path) -> None:
    to, spool = tmp_path / "arrived", tmp_path / "spool"
    process = script(
        "c = client(Path(sys.argv[1]), 'away', spool=sys.argv[2])\n"
        "c.track(17, 'a')\n"
        "if os.fork() == 0: print(os.getpid(), flush=True)\n"
        "signal.pause()\n",
        to,
        spool,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    try:
        with client(to, spool=spool) as heir:
            assert heir.flush(30)
            assert len(arrived(to)) == 1
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_the_end_of_the_process_sends_what_is_left(tmp_path: Path) -> None:
    to = tmp_path / "arrived"
    process = script(
        "c = client(Path(sys.argv[1]), linger=60, exit_timeout=60)\nfor n in range(1500): print(c.track(17, 'a'))\n", to
    )
    assert set(output(process).split()) == {event_id for event_id, _ in arrived(to)}


def test_the_end_of_the_process_is_not_held_up_for_long(tmp_path: Path) -> None:
    process = script("client(Path(sys.argv[1]), 'away', exit_timeout=0.2).track(17, 'a')\n", tmp_path / "arrived")
    assert output(process) == ""


def _track_and_return(shared: Client) -> None:
    shared.track(17, "of the child")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_multiprocessing_sends_what_is_left_too(tmp_path: Path) -> None:
    to = tmp_path / "arrived"
    parent = client(to, linger=60)
    child = multiprocessing.get_context("fork").Process(target=_track_and_return, args=(parent,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert [pid for _, pid in arrived(to)] == [child.pid]
    parent.close()


def test_killed_with_the_server_away_and_started_again_nothing_is_lost_and_nothing_twice(tmp_path: Path) -> None:
    to, spool = tmp_path / "arrived", tmp_path / "spool"
    process = script(
        "c = client(Path(sys.argv[1]), 'away', spool=sys.argv[2])\n"
        "while True: print(c.track(17, 'a', {'text': 'größer'}), flush=True)\n",
        to,
        spool,
    )
    assert process.stdout is not None
    returned = [process.stdout.readline().strip() for _ in range(3_000)]
    returned += kill(process)
    assert arrived(to) == []
    with client(to, spool=spool) as heir:
        eventually(lambda: {event_id for event_id, _ in arrived(to)} >= set(returned))
        assert heir.flush(30)
    counts = Counter(event_id for event_id, _ in arrived(to))
    assert set(counts.values()) == {1}
    assert len(counts) - len(returned) in {0, 1}  # one may have been taken whose `track` had no time to return
    assert list(spool.iterdir()) == []


def test_killed_while_sending_nothing_is_lost(tmp_path: Path) -> None:
    to, spool = tmp_path / "arrived", tmp_path / "spool"
    returned: list[str] = []
    for _ in range(3):
        process = script(
            "c = client(Path(sys.argv[1]), spool=sys.argv[2], batch_events=20)\n"
            "while True: print(c.track(17, 'a'), flush=True)\n",
            to,
            spool,
        )
        assert process.stdout is not None
        returned += [process.stdout.readline().strip() for _ in range(700)]
        returned += kill(process)
    with client(to, spool=spool) as heir:
        eventually(lambda: {event_id for event_id, _ in arrived(to)} >= set(returned))
        assert heir.flush(30)
    assert list(spool.iterdir()) == []
