from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.csv_export import MARK, MOST_COLUMNS, CsvWriter, guarded
from query.timeline import Event

NOON = datetime(2026, 6, 7, 12, tzinfo=UTC)


def event(properties: str = "{}", name: str = "plan_upgraded", occurred_at: datetime = NOON) -> Event:
    return Event("e1", name, occurred_at, occurred_at + timedelta(microseconds=250_000), properties, 1, 17)


def table(*events: Event, columns: tuple[Event, ...] | None = None, zone: str = "UTC") -> list[list[str]]:
    writer = CsvWriter(events if columns is None else columns, ZoneInfo(zone))
    body = writer.header() + writer.rows(events)
    assert body.startswith(MARK)
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))


def test_a_column_for_each_property_the_most_frequent_first() -> None:
    rows = table(
        event('{"rare": 1, "plan": "pro", "price": 1.50, "big": 12345678901234567890, "on": true, "none": null}'),
        event('{"plan": "free", "card": {"brand": "visa", "n": 1.0}, "list": [1, "a,b"]}'),
    )

    assert rows[0][:5] == ["occurred at (UTC)", "name", "event id", "received at (UTC)", "properties.plan"]
    first, second = (dict(zip(rows[0], row, strict=True)) for row in rows[1:])
    assert first["properties.price"] == "1.50"
    assert first["properties.big"] == "12345678901234567890"
    assert (first["properties.on"], first["properties.none"], first["properties.card"]) == ("true", "", "")
    assert second["properties.card"] == '{"brand": "visa", "n": 1.0}'
    assert second["properties.list"] == '[1, "a,b"]'
    assert second["other properties"] == ""


def test_times_are_told_in_the_zone_as_spreadsheets_read_them() -> None:
    rows = table(event(), zone="Europe/Berlin")

    assert rows[0][0] == "occurred at (Europe/Berlin)"
    assert (rows[1][0], rows[1][3]) == ("2026-06-07 14:00:00", "2026-06-07 14:00:00.250000")


def test_what_has_no_column_stands_as_json_in_the_last() -> None:
    known = event('{"plan": "pro"}')
    rows = table(event('{"plan": "x", "new": 1.50, "=2": "y"}'), columns=(known,))
    many = table(event(json.dumps({f"k{n}": n for n in range(MOST_COLUMNS + 2)})))

    assert rows[1][4:] == ["x", '{"new":1.50,"=2":"y"}']
    assert len(many[0]) == 4 + MOST_COLUMNS + 1
    assert json.loads(many[1][-1]) == {"k100": 100, "k101": 101}


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_no_text_is_a_formula(sign: str) -> None:
    text = f"{sign}HYPERLINK(1)"
    rows = table(event(json.dumps({"v": text, text: "x"}), name=text))

    header = next(cell for cell in rows[0] if "HYPERLINK" in cell)
    assert header == f"properties.{text}"  # its own first letter is no sign
    assert rows[1][1] == f"'{text}"
    assert f"'{text}" in rows[1][4:6]


def test_negative_numbers_stay_numbers() -> None:
    assert table(event('{"v": -5.0e-3}'))[1][4] == "-5.0e-3"
    assert table(event('{"v": "-5"}'))[1][4] == "'-5"
    assert guarded("a=b") == "a=b"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), values), max_size=4))
def test_every_table_is_read_back_by_a_strict_reader(documents: list[dict[str, Any]]) -> None:
    rows = table(*(event(json.dumps(document)) for document in documents))

    assert len(rows) == len(documents) + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    for document, row in zip(documents, rows[1:], strict=True):
        told = dict(zip(rows[0][4:], row[4:], strict=True))
        for key, value in document.items():
            cell = told[f"properties.{key}"]
            if isinstance(value, str):
                assert cell.removeprefix("'") == value.removeprefix("'")
            elif value is not None:
                assert json.loads(cell) == value
