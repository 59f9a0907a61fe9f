"""The spool: what was tracked survives the process. A process's end is played by letting go of its locks alone."""

from __future__ import annotations

import errno
import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from contact_events import QueueFullError, SpoolError, exchange
from contact_events.courier import Courier, Limits
from contact_events.segments import frame, unframe
from contact_events.sender import Sender
from contact_events.spool import Spool
from sdk.python.tests.fake_server import AWAY
from sdk.python.tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contact_events import Client, Outcome
    from contact_events.outbox import Entry
    from sdk.python.tests.fake_server import FakeServer

SIZE = 2**20
ALL = (10_000, 10**9)


def line(event_id: str, padding: int = 0) -> bytes:
    return json.dumps({"id": event_id, "x": "y" * padding}, separators=(",", ":")).encode()


def put(spool: Spool, *ids: str, padding: int = 0) -> None:
    for each in ids:
        assert spool.put(each, line(each, padding), None)


def ids(entries: list[Entry]) -> list[str]:
    return [entry.event_id for entry in entries]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.events"))


@pytest.fixture
def make() -> Iterator[Callable[..., Spool]]:
    """Make spools; at the end of the test their handles are closed."""
    made: list[Spool] = []

    def make(folder: Path, size: int = SIZE, *, fsync: bool = False) -> Spool:
        made.append(Spool(folder, size, fsync=fsync))
        return made[-1]

    yield make
    for spool in made:
        spool.abandon()


def test_what_was_put_is_there_for_the_next_process(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, "a", "b", "c")
    dead.abandon()
    spool = make(tmp_path)
    taken = spool.take(*ALL)
    assert [entry.line for entry in taken] == [line("a"), line("b"), line("c")]
    assert spool.unsettled() == 3
    spool.settle(taken)
    assert spool.close() == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_taken_from_a_process_that_lives(make: Callable[..., Spool], tmp_path: Path) -> None:
    living = make(tmp_path)
    put(living, "a")
    other = make(tmp_path)
    put(other, "b")
    assert ids(other.take(*ALL)) == ["b"]
    assert ids(living.take(*ALL)) == ["a"]


def test_a_process_that_dies_later_is_noticed(make: Callable[..., Spool], tmp_path: Path) -> None:
    dying = make(tmp_path)
    put(dying, "a")
    spool = make(tmp_path)
    dying.abandon()
    spool.adopt()
    assert ids(spool.take(*ALL)) == ["a"]


def test_a_sender_looks_for_that_from_time_to_time(
    make: Callable[..., Spool], tmp_path: Path, server: FakeServer
) -> None:
    dying = make(tmp_path)
    put(dying, "a")
    spool, limits = make(tmp_path), Limits(10, 10_000, 0.01, 1.0)
    sender = Sender(spool, Courier(spool, partial(exchange.send, server), limits), limits, adopt_seconds=0.05)
    sender.start()
    dying.abandon()
    eventually(lambda: server.ids["a"] == 1)
    sender.stop(10)


def test_events_come_in_order_across_segments(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, *(f"e{number:04}" for number in range(2_000)), padding=300)
    assert len(segments(tmp_path)) > 4
    assert dead.waiting()
    dead.abandon()
    spool = make(tmp_path)
    taken: list[Entry] = []
    while batch := spool.take(150, 40_000):
        assert len(batch) <= 150
        assert sum(len(entry.line) for entry in batch) <= 40_400
        taken += batch
    assert ids(taken) == [f"e{number:04}" for number in range(2_000)]


def test_a_segment_goes_when_the_fate_of_all_its_events_is_known(make: Callable[..., Spool], tmp_path: Path) -> None:
    spool = make(tmp_path)
    put(spool, *(f"e{number}" for number in range(1_000)), padding=300)
    before = len(segments(tmp_path))
    taken = spool.take(*ALL)
    spool.settle(taken[1:])
    assert len(segments(tmp_path)) == 2  # the first event's, and the one being written
    assert before > 2
    spool.settle(taken[:1])
    assert len(segments(tmp_path)) == 1
    assert segments(tmp_path)[0].stat().st_size == 0


def test_what_is_settled_is_not_sent_again_after_a_crash(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, "a", "b")
    dead.settle(dead.take(*ALL))
    put(dead, "c")
    dead.abandon()
    assert ids(make(tmp_path).take(*ALL)) == ["c"]


def test_what_is_taken_but_not_settled_is(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, "a", "b", "c")
    dead.settle(dead.take(1, 1_000))
    dead.take(1, 1_000)
    dead.abandon()
    assert set(ids(make(tmp_path).take(*ALL))) >= {"b", "c"}


@pytest.mark.parametrize("cut", range(1, len(frame(line("torn")))))
def test_a_line_torn_by_a_crash_is_left_out(make: Callable[..., Spool], tmp_path: Path, cut: int) -> None:
    dead = make(tmp_path)
    put(dead, "a", "b", "torn")
    dead.abandon()
    path = segments(tmp_path)[0]
    os.truncate(path, path.stat().st_size - cut)
    spool = make(tmp_path)
    taken = spool.take(*ALL)
    assert ids(taken) == ["a", "b"]
    spool.settle(taken)
    assert spool.take(*ALL) == []
    assert not spool.waiting()
    assert segments(tmp_path) == []
    put(spool, "next")
    assert ids(spool.take(*ALL)) == ["next"]


def test_a_segment_that_holds_nothing_but_a_torn_line_goes(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, "torn")
    dead.abandon()
    path = segments(tmp_path)[0]
    os.truncate(path, 10)
    spool = make(tmp_path)
    assert spool.take(*ALL) == []
    assert segments(tmp_path) == []


def test_a_damaged_line_costs_itself_alone_and_the_file_is_kept(
    make: Callable[..., Spool], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dead = make(tmp_path)
    put(dead, "a", "b", "c")
    dead.abandon()
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"z"'))
    spool = make(tmp_path)
    taken = spool.take(*ALL)
    assert ids(taken) == ["a", "c"]
    spool.settle(taken)
    assert "is damaged (a line fails its check); it will be kept as .damaged" in caplog.text
    assert len(list(tmp_path.glob("*.damaged"))) == 1
    assert segments(tmp_path) == []


def test_a_file_of_zeros_does_not_stop_the_others(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, "a")
    dead.abandon()
    path = segments(tmp_path)[0]
    path.with_name(path.name.replace("-00000001", "-00000000")).write_bytes(bytes(3 * 2**20))
    spool = make(tmp_path, 16 * 2**20)
    assert ids(spool.take(*ALL)) == ["a"]


def test_framing_round_trips_and_refuses_any_flipped_bit() -> None:
    framed = frame(line("a"))[:-1]
    assert unframe(framed) == line("a")
    for place in range(len(framed) * 8):
        damaged = bytearray(framed)
        damaged[place // 8] ^= 1 << place % 8
        assert unframe(bytes(damaged)) is None


def test_a_lock_file_without_segments_is_cleared_away(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    dead.abandon()
    assert len(list(tmp_path.iterdir())) == 1
    make(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_segments_without_a_lock_file_are_sent_too(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    put(dead, "a")
    dead.abandon()
    next(tmp_path.glob("*.lock")).unlink()
    assert ids(make(tmp_path).take(*ALL)) == ["a"]


def test_strange_files_are_left_alone(make: Callable[..., Spool], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "x.events").write_text("mine", encoding="utf-8")
    spool = make(tmp_path)
    assert spool.take(*ALL) == []
    spool.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "x.events"]


def test_the_folder_and_its_files_are_the_owners_alone(make: Callable[..., Spool], tmp_path: Path) -> None:
    put(make(tmp_path / "deep" / "spool"), "a")
    assert (tmp_path / "deep" / "spool").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "deep" / "spool").iterdir()} == {0o600}


def test_the_bound_counts_what_a_dead_process_left(make: Callable[..., Spool], tmp_path: Path) -> None:
    dead = make(tmp_path)
    number = 0
    while dead.put(f"e{number}", line(f"e{number}", 1_000), None):
        number += 1
    assert 950 < number < 1_050
    dead.abandon()
    spool = make(tmp_path)
    assert not spool.put("a", line("a", 1_000), None)
    while taken := spool.take(100, 10**6):
        spool.settle(taken)
    assert spool.put("a", line("a", 1_000), None)


@pytest.mark.parametrize("fsync", [False, True])
@pytest.mark.parametrize("cannot_cut", [False, True])
def test_a_disk_that_is_full_is_loud_and_tears_nothing(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fsync: bool, cannot_cut: bool
) -> None:
    spool = make(tmp_path, fsync=fsync)
    put(spool, "a")
    write = os.write

    def full(descriptor: int, data: bytes | int) -> int:
        if isinstance(data, bytes) and len(data) > 10:
            return write(descriptor, data[:10])  # as a disk does that has just a little room left
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        if cannot_cut:
            patch.setattr(os, "ftruncate", full)
        with pytest.raises(SpoolError, match="No space left on device"):
            spool.put("lost", b'{"id":"lost","x":""}', None)
    assert cannot_cut or segments(tmp_path)[0].read_bytes() == frame(line("a"))
    put(spool, "b")
    assert spool.unsettled() == 2
    assert ids(spool.take(*ALL)) == ["a", "b"]
    spool.abandon()
    assert ids(make(tmp_path).take(*ALL)) == ["a", "b"]


@pytest.mark.parametrize("moment", ["open", "write", "fsync", "close"])
def test_an_event_put_in_the_middle_of_another_harms_neither(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As a signal handler may."""
    spool, real = make(tmp_path, fsync=True), getattr(os, moment)
    inner = iter(["inner"])

    def interrupted(*arguments: Any) -> Any:  # noqa: ANN401 - whatever it is
        done = real(*arguments)
        for each in inner:
            put(spool, each, padding=50)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, interrupted)
        put(spool, "outer", padding=SIZE // 8)
    put(spool, "after")
    assert spool.unsettled() == 3
    taken = spool.take(*ALL)
    assert sorted(ids(taken)) == ["after", "inner", "outer"]
    spool.settle(taken)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SpoolError, match="the spool's folder cannot be used"):
        Spool(tmp_path / "file", SIZE)


def test_a_client_that_stops_with_the_server_away_leaves_all_to_the_next(
    make_client: Callable[..., Client], server: FakeServer, tmp_path: Path
) -> None:
    outcomes: list[Outcome] = []
    first = make_client(spool=tmp_path, on_delivery=outcomes.append)
    server.always = AWAY
    tracked = {first.track(17, "a", {"text": "größer"}) for _ in range(2_000)}
    own: list[Outcome] = []
    tracked.add(first.track(17, "a", on_delivery=own.append))
    first.close(0.1)
    assert [type(outcome).__name__ for outcome in own] == ["Undelivered"]
    assert own[0].spooled  # type: ignore[union-attr] # the line above says so
    server.requests.clear()
    server.always = None
    second = make_client(spool=tmp_path, on_delivery=outcomes.append)
    eventually(lambda: len(server.ids) == 2_001)
    assert second.flush(30)
    assert server.ids == dict.fromkeys(tracked, 1)
    assert {outcome.event_id for outcome in outcomes if type(outcome).__name__ == "Accepted"} == tracked
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_spool_is_loud(make_client: Callable[..., Client], server: FakeServer, tmp_path: Path) -> None:
    client = make_client(spool=tmp_path, spool_bytes=1_000_000)
    server.always = AWAY
    tracked = set()
    with pytest.raises(QueueFullError):  # noqa: PT012 - when exactly is not the point
        while True:
            tracked.add(client.track(17, "a", {"text": "x" * 2_000}))
    assert 400 < len(tracked) < 500
    server.always = None
    assert client.flush(30)
    assert set(server.ids) == tracked
    client.track(17, "a")


def test_a_long_outage_fills_the_disk_and_not_the_memory(
    make_client: Callable[..., Client], server: FakeServer, tmp_path: Path
) -> None:
    client = make_client(spool=tmp_path, queue_events=1, queue_bytes=1)
    server.gate.clear()
    tracked = {client.track(17, "a", {"text": "x" * 500}) for _ in range(5_000)}
    assert sum(path.stat().st_size for path in segments(tmp_path)) > 2_500_000
    server.gate.set()
    assert client.flush(60)
    assert server.ids == dict.fromkeys(tracked, 1)
