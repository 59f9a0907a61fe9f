"""The AsyncAPI document is complete, up to date, and agrees with the examples."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from schemas.asyncapi import FILE, document, document_text
from schemas.published import ROOT, Published
from schemas.record_classes import TYPES
from schemas.topic import TOPIC_SETTINGS


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(Published())


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_the_file_is_what_the_code_says() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == document_text(Published()), (
        "run `contact-events topic contract`"
    )


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    found = references(described)
    assert len(found) > 3 * len(TYPES)
    for reference in found:
        if not reference.startswith("#/"):
            assert (ROOT / reference).is_file(), reference
            continue
        node: Any = described
        for step in reference[2:].split("/"):
            node = node[step]


def test_every_record_type_is_a_message_of_the_channel(described: dict[str, Any]) -> None:
    assert tuple(described["components"]["messages"]) == TYPES
    assert tuple(described["channels"]["contact-events"]["messages"]) == TYPES


def test_the_examples_keys_fit_the_description(described: dict[str, Any]) -> None:
    for type_ in TYPES:
        key = described["components"]["messages"][type_]["bindings"]["kafka"]["key"]
        for path in Published().examples(type_):
            example = json.loads(path.read_text(encoding="utf-8"))
            assert example["key"] == key.get("const") or re.search(key["pattern"], example["key"])
            assert described["components"]["messages"][type_]["headers"]["required"] == list(example["headers"])


def test_the_settings_are_the_ones_the_topic_is_made_with(described: dict[str, Any]) -> None:
    assert described["channels"]["contact-events"]["x-topic-settings"] == TOPIC_SETTINGS
