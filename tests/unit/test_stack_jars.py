"""The pinned list of the broker's jars."""

from __future__ import annotations

import re

from cli.stack.jars import LIST, Jar, pinned


def test_every_jar_is_pinned_to_a_hash_and_to_one_version() -> None:
    jars = pinned(LIST.read_text(encoding="utf-8"))

    assert len(jars) == 46
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert len({(jar.group, jar.artifact) for jar in jars}) == len(jars)


def test_the_broker_and_its_client_library_are_of_the_same_version() -> None:
    jars = {jar.artifact: jar for jar in pinned(LIST.read_text(encoding="utf-8"))}

    assert jars["kafka_2.13"].version == jars["kafka-clients"].version == "4.3.1"


def test_comments_and_empty_lines_are_no_jars() -> None:
    assert pinned("# a comment\n\ng:a:1 ff\n") == [Jar("g", "a", "1", "ff")]
