"""`topic tail` shows what is asked for, live too; `topic describe` says what the brokers say."""

from __future__ import annotations

import json
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from schemas.partitioning import contact_partition
from schemas.records import LOG_MARK_KEY, encode, encode_log_mark
from tests.conftest import PARTITIONS
from tests.integration.topic.conftest import NOON, event, event_erased

if TYPE_CHECKING:
    from tests.integration.topic.conftest import Commands, Writer


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def ids(text: str) -> set[str]:
    return {line["value"]["id"] for line in lines(text)}


def test_the_filters_take_what_they_say(writer: Writer, commands: Commands) -> None:
    writer.write(event(17, "a"), event(17, "b", name="trial_started"), event(18, "c"), event(17, "d", workspace=2))
    whole = ("tail", "--beginning", "--stop", "--json")
    assert ids(commands.run(*whole).stdout) == {"a", "b", "c", "d"}
    assert ids(commands.run(*whole, "--contact", "17").stdout) == {"a", "b", "d"}
    assert ids(commands.run(*whole, "--contact", "17", "--workspace", "1").stdout) == {"a", "b"}
    assert ids(commands.run(*whole, "--workspace", "2").stdout) == {"d"}
    assert ids(commands.run(*whole, "--name", "trial_started").stdout) == {"b"}
    assert ids(commands.run(*whole, "--name", "trial_started", "--name", "plan_upgraded").stdout) == set("abcd")
    assert ids(commands.run(*whole, "--contact", "1").stdout) == set()
    assert len(lines(commands.run(*whole, "--limit", "2").stdout)) == 2
    assert ids(commands.run("tail", "--from", "1h", "--stop", "--json").stdout) == set("abcd")
    assert ids(commands.run("tail", "--stop", "--json").stdout) == set()


def test_json_lines_lose_nothing(writer: Writer, commands: Commands) -> None:
    exact = event(17, "exact", properties='{"amount":1.50,"large":9223372036854775807,"text":"a\\nb"}')
    writer.write(exact)
    writer.raw(exact.key, None, 0).get(60)
    writer.raw(b"\xff", b"\x00\xff", 1).get(60)
    writer.raw(b"k", b'{\n"a": 1.0\n}', 2).get(60)
    text = commands.run("tail", "--beginning", "--stop", "--json").stdout
    assert encode(exact).decode() in text
    assert '"key":"k","value":{ "a": 1.0 }' in text
    (tombstone,) = (line for line in lines(text) if line["key"] == exact.key.decode() and line["value"] is None)
    (foreign,) = (line for line in lines(text) if line.get("key_base64"))
    assert "value_base64" not in tombstone
    assert foreign["value_base64"] == "AP8="
    assert foreign["value"] is None


def test_people_read_one_line_a_record(writer: Writer, commands: Commands) -> None:
    recorded = event(17, "a", properties='{"plan":"pro","trick":"\u009b31m"}')
    late = event(17, "b", name="trial_started", occurred_at=NOON.replace(day=1))
    writer.write(recorded, late, event_erased(17, "b"))
    home = contact_partition(1, 17, PARTITIONS)
    writer.raw(late.key, None, home)
    writer.raw(LOG_MARK_KEY, encode_log_mark(NOON), home)
    writer.raw(recorded.key, b'{"specversion":"1.0","id":"x","source":"/s","type":"contact.merged.v1"}', home)
    writer.raw(b"\x1b[2J", b"no json", home).get(60)
    shown = commands.run("tail", "--beginning", "--stop").stdout.splitlines()
    assert shown[0] == (
        f'2026-06-07 11:59:00Z  1/17       plan_upgraded  {{"plan":"pro","trick":"\\x9b31m"}}  [{home}:0]'
    )
    assert shown[1] == f"2026-06-01 12:00:00Z  1/17       trial_started  late {{}}  [{home}:1]"
    assert shown[2] == f"2026-06-07 12:00:00Z  1/17       event erased  b  [{home}:2]"
    assert f"tombstone  {late.key.decode()}  [{home}:3]" in shown[3]
    assert "log mark" in shown[4]
    assert "contact.merged.v1  (a type that this version does not know)" in shown[5]
    assert "invalid record  not_a_cloudevent" in shown[6]
    assert "\x1b" not in "".join(shown)


def test_records_show_while_they_arrive(writer: Writer, commands: Commands) -> None:
    writer.write(event(17, "before"))
    watching = commands.start("tail", "--json", "--contact", "17")
    assert watching.stdout is not None
    try:
        # It begins at the end of the log, at a moment that is not known from outside: write until it answers.
        seen: bytes = b""
        for number in range(1_000):
            writer.write(event(17, f"live-{number}"), event(18, f"other-{number}"))
            if watching.poll() is not None or (number >= 5 and _readable(watching)):
                seen = watching.stdout.readline()
                break
        assert json.loads(seen)["value"]["id"].startswith("live-")
    finally:
        watching.send_signal(signal.SIGINT)
        try:
            _, errors = watching.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            watching.kill()
            _, errors = watching.communicate()
    assert watching.returncode == 0, errors


def _readable(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0.2)[0])


def test_describe_says_what_is_there(writer: Writer, commands: Commands, topic: str) -> None:
    writer.write(event(17, "a"), event(17, "b"))
    home = contact_partition(1, 17, PARTITIONS)
    described = json.loads(commands.run("describe", "--json", "--contact", "1/17").stdout)
    assert described["topic"] == topic
    assert described["contact"] == {"contact": "1/17", "partition": home}
    assert [each["end_offset"] for each in described["partitions"]] == [2 if n == home else 0 for n in range(3)]
    assert all(value["is"] == value["contract"] for value in described["settings"].values())
    text = commands.run("describe").stdout
    assert "cleanup.policy           compact          compact" in text
    assert "differs" not in text


def test_a_topic_that_is_not_there(commands: Commands) -> None:
    absent = type(commands)({**commands.environment, "TOPIC": "absent"}, commands.folder)
    assert "The topic absent does not exist" in absent.run("tail", "--stop", code=1).output
