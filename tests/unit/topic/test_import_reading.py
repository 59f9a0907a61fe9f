"""What stands in a file becomes events, each with an id that is the same every time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest

from cli.topic_import_reading import Item, read_items
from cli.topic_import_sending import BATCH, BATCH_BYTES, batches

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events"


def test_lines_travel_as_they_are(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf{"id":"a","properties":{"amount":1.50}}\r\n\n  {"name":"x"}\n{}')
    first, second, third = read_items(file, form="ndjson")
    assert (first.line, first.body) == (1, b'{"id":"a","properties":{"amount":1.50}}')
    assert second.line == 3
    assert second.body.startswith(b'{"id":"imp-')
    assert second.body.endswith(b',"name":"x"}')
    assert json.loads(third.body)["id"].startswith("imp-")


def test_lines_that_cannot_be_sent_say_why(file: Path) -> None:
    file.write_bytes(b'[1]\n{"a":\n"text"\n\xff\n{"id":"good"}')
    *bad, good = read_items(file, form="ndjson")
    assert [item.line for item in bad] == [1, 2, 3, 4]
    assert all(item.fault for item in bad)
    assert "not a JSON object" in str(bad[0].fault)
    assert good.fault is None


def test_made_ids_depend_on_what_is_said_and_how_often(file: Path) -> None:
    file.write_text('{"name":"x","contact_id":1}\n{"contact_id":1, "name":"x"}\n{"name":"y","contact_id":1}\n')

    def ids() -> list[str]:
        return [json.loads(item.body)["id"] for item in read_items(file, form="ndjson")]

    assert len(set(ids())) == 3
    assert ids()[0][:-1] == ids()[1][:-1]
    before = ids()
    file.write_text('{"name":"new"}\n' + file.read_text())
    assert ids()[1:] == before


def test_csv_becomes_events(file: Path) -> None:
    file.write_text(
        "id,external_id,name,occurred_at,properties.plan,properties.mrr:json\n"
        'a,shop-1,plan_upgraded,2026-06-07T10:30:00Z,"pro\nplus",1.50\n'
        ",shop-2,trial_started,2026-06-07T10:30:00Z,01,\n"
        "c,shop-3\n"
    )
    first, second, third = read_items(file, form="csv")
    assert first.body == (
        b'{"id":"a","external_id":"shop-1","name":"plan_upgraded","occurred_at":"2026-06-07T10:30:00Z",'
        b'"properties":{"plan":"pro\\nplus","mrr":1.50}}'
    )
    assert (first.line, second.line, third.line) == (2, 4, 5)
    assert json.loads(second.body)["properties"] == {"plan": "01"}
    assert second.external_id == "shop-2"
    assert third.fault == "this line has 2 cells, the first has 6"


def test_csv_with_a_json_column_and_contact_numbers(file: Path) -> None:
    file.write_text('contact_id,name,properties\n17,x,"{""a"":1.0}"\nseventeen,x,\n17,x,{\n')
    first, second, third = read_items(file, form="csv")
    assert b'"contact_id":17,"name":"x","properties":{"a":1.0}' in first.body
    assert json.loads(second.body)["contact_id"] == "seventeen"  # the API says what is wrong with it
    assert "not JSON" in str(third.fault)


@pytest.mark.parametrize("header", ["id,colour", "id,id", "properties,properties.a", ""])
def test_columns_that_make_no_event(file: Path, header: str) -> None:
    file.write_text(header + "\n1,2\n")
    with pytest.raises(click.ClickException, match="first line must name the columns"):
        list(read_items(file, form="csv"))


def test_batches_are_small_enough() -> None:
    many = [Item(line, b"{}") for line in range(BATCH + 1)]
    assert [len(batch) for batch in batches(many)] == [BATCH, 1]
    large = [Item(line, b"x" * (BATCH_BYTES // 2)) for line in range(3)]
    assert [len(batch) for batch in batches(large)] == [1, 1, 1]
