"""A deliberately breaking change of a published schema is refused, and only that."""

from __future__ import annotations

import copy
import json
import shutil
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped] # ships no types, and its stubs are not among our tools
import pytest

from schemas.compatibility import breaking_changes
from schemas.published import ROOT, Published
from schemas.record_classes import TYPES
from schemas.records import LogMark, decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVENT = "contact.event.recorded.v1"


def event_schema() -> dict[str, Any]:
    return copy.deepcopy(Published().current(EVENT))


def data(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]["data"]
    return found


def rename(schema: dict[str, Any]) -> None:
    data(schema)["properties"]["label"] = data(schema)["properties"].pop("name")


def require_more(schema: dict[str, Any]) -> None:
    data(schema)["properties"]["session"] = {"type": "string"}
    data(schema)["required"].append("session")


BREAKING: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a renamed property": (rename, "/data/name is gone"),
    "a new required property": (require_more, "/data/session is required now"),
    "no longer required": (lambda s: data(s)["required"].remove("properties"), "/data/properties is no longer"),
    "another type": (lambda s: data(s)["properties"]["name"].update(type="integer"), "/data/name: type was 'string'"),
    "null besides": (lambda s: data(s)["properties"]["name"].update(type=["string", "null"]), "/data/name: type"),
    "a longer text": (lambda s: data(s)["properties"]["name"].update(maxLength=200), "/data/name: maxLength was 128"),
    "a shorter text": (lambda s: data(s)["properties"]["name"].update(maxLength=64), "/data/name: maxLength was 128"),
    "a pattern": (lambda s: data(s)["properties"]["name"].update(pattern="^[a-z_]+$"), "pattern was absent"),
    "nothing else allowed": (lambda s: data(s).update(additionalProperties=False), "/data: additionalProperties"),
    "another time": (lambda s: s["$defs"]["time"].update(pattern="Z"), "/time: pattern"),
    "another name of the schema": (lambda s: s.update({"$id": "urn:other"}), "/: $id"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_told(name: str) -> None:
    change, told = BREAKING[name]
    changed = event_schema()
    change(changed)
    assert any(told in sentence for sentence in breaking_changes(event_schema(), changed))


def test_an_optional_property_and_better_words_break_nothing() -> None:
    changed = event_schema()
    data(changed)["properties"]["session"] = {"type": "string"}
    data(changed)["properties"]["name"]["description"] = "What happened."
    changed["title"] = "Something happened"
    assert not list(breaking_changes(event_schema(), changed))


def test_nothing_may_be_added_where_readers_were_told_that_nothing_else_comes() -> None:
    schema = Published().current("event_name.changed.v1")
    changed = copy.deepcopy(schema)
    data(changed)["properties"]["change"]["properties"]["colour"] = {"type": "string"}
    assert list(breaking_changes(schema, changed)) == [
        "/data/change/colour is new, where readers were told that nothing else comes"
    ]


def test_what_stands_in_the_schemas_breaks_no_promise_and_is_published() -> None:
    assert not list(Published().problems())
    assert not list(Published().unpublished()), "run `contact-events topic contract`"


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """Copy the contract's files to where a test may change them."""
    for folder in ("record_types", "published"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_breaking_schema_fails_the_check(contract: Path) -> None:
    edit(contract / "record_types" / f"{EVENT}.json", rename)
    problems = list(Published(contract).problems())
    assert f"{EVENT} against its revision 1: /data/name is gone; readers rely on it" in problems


def test_changing_the_published_copy_as_well_fails_the_check_too(contract: Path) -> None:
    edit(contract / "record_types" / f"{EVENT}.json", rename)
    edit(contract / "published" / EVENT / "1.json", rename)
    assert list(Published(contract).problems()) == [f"published/{EVENT}/1.json was published and has been changed"]


def test_a_published_example_and_a_published_type_can_neither_change_nor_go(contract: Path) -> None:
    example = f"record_types/examples/{EVENT}/late.json"
    (contract / example).unlink()
    (contract / "published" / "contact.merged.v1").mkdir()
    assert list(Published(contract).problems()) == [
        f"{example} was published and is gone",
        "the type contact.merged.v1 was published and is gone",
    ]


def test_an_addition_becomes_a_revision_and_the_old_one_stays(contract: Path) -> None:
    def add(schema: dict[str, Any]) -> None:
        data(schema)["properties"]["session"] = {"type": "string"}

    edit(contract / "record_types" / f"{EVENT}.json", add)
    published = Published(contract)
    assert not list(published.problems())
    assert list(published.unpublished()) == [EVENT]
    published.publish()
    assert [path.stem for path in published.revisions(EVENT)] == ["1", "2"]
    assert not list(published.problems())
    assert not list(published.unpublished())
    edit(contract / "record_types" / f"{EVENT}.json", lambda s: data(s)["properties"].pop("session"))
    assert list(published.problems()) == [f"{EVENT} against its revision 2: /data/session is gone; readers rely on it"]


@pytest.mark.parametrize("type_", TYPES)
def test_every_published_example_is_good_under_every_revision_and_readable(type_: str) -> None:
    published = Published()
    assert published.examples(type_)
    for example in published.examples(type_):
        document = json.loads(example.read_text(encoding="utf-8"))
        for revision in [*published.revisions(type_), ROOT / "record_types" / f"{type_}.json"]:
            jsonschema.validate(
                document["value"],
                json.loads(revision.read_text(encoding="utf-8")),
                format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
            )
        value = json.dumps(document["value"]).encode()
        record = decode(document["key"].encode(), value, document.get("partition_of_12", 0), 12)
        assert isinstance(record, LogMark) or record.id == document["value"]["id"]
