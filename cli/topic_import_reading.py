"""The events of a file, one by one: JSON lines or CSV, each with an id, so that sending it again changes nothing."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMS: Final = ("ndjson", "csv", "segment")
COLUMNS: Final = ("id", "contact_id", "external_id", "name", "occurred_at", "properties")
_PROPERTY: Final = re.compile(r"properties\.(.+?)(:json)?", re.DOTALL)
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Item:
    """One event as it is sent, or why it cannot be sent. `line` counts from 1."""

    line: int
    body: bytes = b""
    external_id: str | None = None
    fault: str | None = None


class _Fields(msgspec.Struct, gc=False):
    external_id: Any = None


@dataclass(slots=True)
class Ids:
    """Makes ids for events that come without: of what the event says, and of how often the same was said before."""

    _seen: Counter[bytes] = field(default_factory=Counter)

    def make(self, event: Any) -> str:  # noqa: ANN401 - JSON is any value
        """Make the id of one event; the same file gives the same ids every time."""
        digest = hashlib.sha256(msgspec.json.encode(event, order="sorted")).digest()[:16]
        self._seen[digest] += 1
        return f"imp-{digest.hex()}-{self._seen[digest]}"


def read_items(path: Path, form: str) -> Iterator[Item]:
    """Read a file's events in order; blank lines are skipped. `form` is one of `FORMS`."""
    ids = Ids()
    if form != "csv":
        id_key = "messageId" if form == "segment" else "id"
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
                if text:
                    yield item(number, text, ids, id_key)
        return
    with path.open(encoding="utf-8-sig", newline="") as texts:
        rows = csv.reader(texts, strict=True)
        try:
            header = next(rows, [])
            check_header(header)
            before = rows.line_num
            for row in rows:
                if any(row):
                    yield _of_row(header, row, before + 1, ids)
                before = rows.line_num
        except (csv.Error, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path}, line {rows.line_num}: not CSV in UTF-8: {error}") from error


def item(line: int, text: bytes, ids: Ids, id_key: str = "id") -> Item:
    """Look at one event's JSON as far as sending it needs; its rules are the API's to judge. `id_key` has its id."""
    try:
        text.decode()
        event = msgspec.json.decode(text)
        fields = msgspec.convert(event, _Fields)
    except (msgspec.ValidationError, AttributeError):
        return Item(line, fault="this is not a JSON object")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Item(line, fault=f"this is not JSON: {error}")
    external_id = fields.external_id if isinstance(fields.external_id, str) else None
    if id_key not in event:
        id_ = ids.make(event)
        text = b'{"%b":"%b"%b%b' % (id_key.encode(), id_.encode(), b"," if event else b"", text[1:].lstrip())
    return Item(line, text, external_id)


def check_header(header: list[str]) -> None:
    """Raise ClickException unless every column is one that an event has."""
    unknown = [name for name in header if name not in COLUMNS and not _PROPERTY.fullmatch(name)]
    twice = [name for name, count in Counter(header).items() if count > 1]
    both = "properties" in header and any(name.startswith("properties.") for name in header)
    if not header or unknown or twice or both:
        raise click.ClickException(
            f"The first line must name the columns, each once: {', '.join(COLUMNS)} (a JSON object), or instead of the"
            " last properties.NAME (a text) and properties.NAME:json (any JSON value)."
            + (f" Not known: {', '.join(unknown)}." if unknown else "")
            + (f" Twice: {', '.join(twice)}." if twice else "")
        )


def _of_row(header: list[str], row: list[str], line: int, ids: Ids) -> Item:
    if len(row) != len(header):
        return Item(line, fault=f"this line has {len(row)} cells, the first has {len(header)}")
    event: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for name, cell in zip(header, row, strict=True):
        if not cell:
            continue
        if name == "properties":
            event[name] = msgspec.Raw(cell.encode())
        elif match := _PROPERTY.fullmatch(name):
            properties[match[1]] = msgspec.Raw(cell.encode()) if match[2] else cell
        elif name == "contact_id" and _WHOLE_NUMBER.fullmatch(cell):
            event[name] = int(cell)
        else:
            event[name] = cell
    if properties:
        event["properties"] = properties
    return item(line, msgspec.json.encode(event), ids)
