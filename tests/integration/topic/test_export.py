"""`topic export` writes what is asked for, and an interrupted one goes on to the same file."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pytest

from cli.topic_export_file import Asked, FileExport, State
from cli.topic_places import moments_range
from cli.topic_reading import AT_ONCE, Selection, opened, topic_id
from schemas.partitioning import contact_partition
from tests.conftest import PARTITIONS
from tests.integration.topic.conftest import event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.topic.conftest import Commands, Writer

MANY = 3 * AT_ONCE


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids(path: Path) -> list[str]:
    return [line["value"]["id"] for line in lines(path)]


def test_the_whole_log_and_parts_of_it(writer: Writer, commands: Commands, tmp_path: Path) -> None:
    writer.write(*(event(17, f"a{number}") for number in range(5)))
    time.sleep(0.01)  # the log's clock counts milliseconds
    noted = datetime.now(UTC)
    time.sleep(0.01)
    writer.write(*(event(17, f"b{number}") for number in range(5)), event(18, "c", workspace=2))
    file = tmp_path / "all.ndjson"
    assert "11 records exported" in commands.run("export", str(file)).stderr
    assert sorted(ids(file)) == sorted([f"{x}{n}" for x in "ab" for n in range(5)] + ["c"])
    assert {name.name for name in tmp_path.iterdir()} == {"all.ndjson"}

    def part(*options: str) -> list[str]:
        commands.run("export", str(tmp_path / "part"), "--overwrite", *options)
        return sorted(ids(tmp_path / "part"))

    assert part("--to", noted.isoformat()) == [f"a{n}" for n in range(5)]
    assert part("--from", noted.isoformat(), "--workspace", "1") == [f"b{n}" for n in range(5)]
    assert part("--from", "1h", "--to", noted.isoformat()) == [f"a{n}" for n in range(5)]
    home = contact_partition(1, 17, PARTITIONS)
    assert part("--offsets", f"{home}:3-7", "--contact", "17") == ["a3", "a4", "b0", "b1"]
    assert part("--offsets", f"{home}:8-", "--workspace", "1") == ["b3", "b4"]
    assert part("--offsets", f"{home}:900-") == []
    assert commands.run("export", "-").stdout == file.read_text(encoding="utf-8")


def test_a_file_that_is_there_is_not_overwritten_by_chance(writer: Writer, commands: Commands, tmp_path: Path) -> None:
    writer.write(event(17, "a"))
    file = tmp_path / "mine"
    file.write_text("precious")
    assert "is there already" in commands.run("export", str(file), code=1).output
    assert file.read_text() == "precious"
    assert "one of them" in commands.run("export", str(file), "--offsets", "0:1-2", "--from", "1h", code=2).output


class InterruptedSelection(Selection):
    """Wants everything, until somebody presses Ctrl-C at the n-th record."""

    left = 0

    def takes(self, key: bytes | None, value: bytes | None) -> bool:
        type(self).left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return super().takes(key, value)


def test_an_interrupted_export_goes_on(writer: Writer, environment: Mapping[str, str], tmp_path: Path) -> None:
    writer.write(*(event(contact, f"{contact}-{n}") for contact in range(1, 4) for n in range(AT_ONCE)))
    asked = Asked("id", None, None, [], None, None, [])
    file = tmp_path / "out"
    interruptions = 0
    with opened(environment) as topic:
        everything = moments_range(topic.consumer, topic.name, range(PARTITIONS), None, None)
        done = False
        while not done:
            InterruptedSelection.left = AT_ONCE * 3 // 2
            try:
                count = FileExport(topic, file, asked, InterruptedSelection(), every=0).run(
                    lambda: everything, anew=False
                )
                done = True
            except KeyboardInterrupt:
                interruptions += 1
                with (tmp_path / "out.part").open("ab") as part:
                    part.write(b'{"half a li')  # what a crash leaves behind the last checkpoint
                assert not file.exists()
                writer.write(event(1, f"later-{interruptions}"))  # not asked for: the range was settled at the start
    assert interruptions >= 2
    assert count == MANY
    found = [(line["partition"], line["offset"]) for line in lines(file)]
    assert len(found) == len(set(found)) == MANY
    assert {name.name for name in tmp_path.iterdir()} == {"out"}


def test_an_export_killed_with_kill_9_goes_on(writer: Writer, commands: Commands, tmp_path: Path) -> None:
    writer.write(*(event(contact, f"{contact}-{n}") for contact in range(1, 4) for n in range(AT_ONCE)))
    file, state = tmp_path / "out", tmp_path / "out.part.json"
    running = commands.start("export", str(file))
    deadline = time.monotonic() + 120
    while not state.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    running.kill()
    running.communicate()
    commands.run("export", str(file), *(["--overwrite"] if file.exists() else []))
    assert len(set(ids(file))) == len(ids(file)) == MANY


@pytest.mark.parametrize("damage", ["other question", "shorter file"])
def test_what_cannot_go_on_says_so(writer: Writer, commands: Commands, tmp_path: Path, damage: str) -> None:
    writer.write(event(17, "a"))
    asked = Asked("another topic", None, None, [], None, None, [])
    if damage == "shorter file":
        asked = Asked(topic_id(commands.environment, commands.environment["TOPIC"]), None, None, [], None, None, [])
    (tmp_path / "out.part.json").write_bytes(msgspec.json.encode(State(asked, {0: 0}, {0: 0}, {0: 1}, size=100)))
    told = commands.run("export", str(tmp_path / "out"), code=1).output
    assert ("of another topic" if damage == "other question" else "shorter than it was") in told
    assert "1 records exported" in commands.run("export", str(tmp_path / "out"), "--overwrite").stderr


def test_parquet_has_what_the_lines_have(writer: Writer, commands: Commands, tmp_path: Path) -> None:
    writer.write(event(17, "a", properties='{"amount":1.50}'), event(18, "it's", name="Größe 📦"))
    writer.raw(b"no json", b"\xff", 1)
    writer.raw(b"1/17/gone", None, 0)
    writer.producer.flush(60)
    file, table = tmp_path / "all.ndjson", tmp_path / "it's all.parquet"
    commands.run("export", str(file))
    for _ in range(2):
        commands.run("export", str(table), "--format", "parquet", "--overwrite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.ndjson", "it's all.parquet"]
    told = lines(file)
    with duckdb.connect() as connection:
        found = connection.execute(
            'SELECT "partition", "offset", key, value, value_base64, id, subject, epoch_us(time) FROM read_parquet(?)',
            [str(table)],
        ).fetchall()
    assert len(found) == 4
    for partition, offset, key, value, value_base64, id_, subject, moment in found:
        line = next(each for each in told if (each["partition"], each["offset"]) == (partition, offset))
        assert (key, value_base64) == (line.get("key"), line.get("value_base64"))
        assert (value and json.loads(value)) == line.get("value")
        of_value = line.get("value") or {}
        assert (id_, subject) == (of_value.get("id"), of_value.get("subject"))
        assert moment is None or datetime.fromtimestamp(moment / 1e6, UTC) == datetime.fromisoformat(of_value["time"])
    assert '"amount":1.50' in next(row[3] for row in found if row[5] == "a")
    commands.run("export", "-", "--format", "parquet", code=2)
