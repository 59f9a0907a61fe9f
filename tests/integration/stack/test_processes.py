"""Detached processes are found again, and nobody else's is ever touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from cli.stack.processes import Launch, Supervised
from tests.integration.stack.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    process = Supervised("part", tmp_path / "part.json", tmp_path / "part.log", stop_seconds=2)
    yield process
    process.stop()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEPER)
    yield process
    process.kill()
    process.wait()


def launch(tmp_path: Path, *argv: str) -> Launch:
    return Launch(list(argv) or SLEEPER, dict(os.environ), tmp_path, fingerprint="as wanted")


def test_a_later_command_finds_and_stops_what_an_earlier_one_started(supervised: Supervised, tmp_path: Path) -> None:
    supervised.start(launch(tmp_path))
    later = Supervised("part", supervised.pid_file, supervised.log_file)

    assert later.pid == supervised.pid is not None
    assert later.fingerprint == "as wanted"
    assert later.stop()
    assert later.pid is None
    assert not later.stop()


@pytest.mark.parametrize("change", [{"argv": ["something", "else"]}, {"create_time": 1.0}])
def test_a_stranger_with_the_same_number_is_left_alone(
    supervised: Supervised, stranger: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    mine = {
        "pid": stranger.pid,
        "argv": SLEEPER,
        "create_time": psutil.Process(stranger.pid).create_time(),
        "fingerprint": "",
    }
    supervised.pid_file.write_text(json.dumps(mine), encoding="utf-8")
    assert supervised.pid == stranger.pid  # as it stands it is the one

    supervised.pid_file.write_text(json.dumps(mine | change), encoding="utf-8")
    assert supervised.pid is None
    assert not supervised.stop()
    supervised.kill()
    assert stranger.poll() is None


def test_what_ignores_the_request_to_end_is_killed_at_the_deadline(supervised: Supervised, tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(300)"
    supervised.start(launch(tmp_path, sys.executable, "-c", deaf))
    eventually(lambda: "deaf" in supervised.last_words())

    assert supervised.stop()
    assert supervised.pid is None


def test_workers_that_outlive_a_killed_process_are_ended_before_it_starts_anew(
    supervised: Supervised, tmp_path: Path
) -> None:
    parent = f"import subprocess, time; print(subprocess.Popen({SLEEPER!r}).pid, flush=True); time.sleep(300)"
    supervised.start(launch(tmp_path, sys.executable, "-c", parent))
    eventually(lambda: supervised.last_words().strip().isdigit())
    worker = psutil.Process(int(supervised.last_words()))
    supervised.kill()
    assert worker.is_running()

    supervised.start(launch(tmp_path))

    eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_a_process_whose_pid_file_was_lost_is_ended_before_the_next(supervised: Supervised, tmp_path: Path) -> None:
    supervised.start(launch(tmp_path))
    first = supervised.process()
    assert first is not None
    supervised.pid_file.unlink()

    supervised.start(launch(tmp_path))

    eventually(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE)
    assert supervised.pid not in {None, first.pid}


def test_a_half_written_pid_file_counts_as_none(supervised: Supervised) -> None:
    supervised.pid_file.write_text('{"pid": 1', encoding="utf-8")

    assert supervised.pid is None


def test_a_large_log_is_moved_aside(supervised: Supervised, tmp_path: Path) -> None:
    supervised.log_file.write_bytes(b"x" * 20_000_001)

    supervised.start(launch(tmp_path))

    assert supervised.log_file.stat().st_size == 0
    assert (tmp_path / "part.log.1").stat().st_size == 20_000_001
