"""The catalogue of event names: `/event-names`, and one of them at `/event-name?name=`.

The pages only show. Who may change something has a key of the scope admin; the pages say how.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from flask import Response, request

from query.access import contact_not_found
from query.presentation.catalogue import (
    DAYS,
    WEEKS,
    alike,
    curl_command,
    matching,
    name_href,
    name_lines,
    property_lines,
    set_command,
    settings_of,
)
from query.presentation.contacts import ago
from query.presentation.trends import trend

if TYPE_CHECKING:
    from flask import Blueprint

    from query.event_names import EventName, NamesRead
    from query.page_frame import Frame
    from query.presentation.events import Reader

_LONGEST_TEXT: Final = 200
_LONGEST_NAME: Final = 1_024


def add_catalogue(pages: Blueprint, frame: Frame) -> None:
    """Add both pages."""

    @pages.get("/event-names")
    def event_names() -> Response:
        workspace = frame.workspace()
        reader = frame.reader(workspace)
        read = frame.reads.names(workspace.id, (reader.now - timedelta(days=7 * WEEKS)).date())
        lines = name_lines(read.names, read.days, reader)
        text = " ".join(request.args.get("q", "").replace("\0", "").split())[:_LONGEST_TEXT]
        found = matching(lines, text)
        return frame.render(
            "event_names.html",
            workspace=workspace,
            reader=reader,
            here="event-names",
            text=text,
            total=len(lines),
            lines=[line for line in found if not line.archived],
            archived=[line for line in found if line.archived],
            groups=alike(found, settings_of(read.names)),
            weeks=WEEKS,
        )

    @pages.get("/event-name")
    def event_name() -> Response:
        workspace, name = frame.workspace(), request.args.get("name", "")[:_LONGEST_NAME]
        if "\0" in name:
            raise contact_not_found()
        reader = frame.reader(workspace)
        read = frame.reads.names(workspace.id, (reader.now - timedelta(days=DAYS)).date(), name)
        one = next((one for one in read.names if one.name == name), None)
        if one is None:
            raise contact_not_found()
        context = _one_name(read, one, reader) | _changing(frame.base_url, one)
        return frame.render("event_name.html", workspace=workspace, reader=reader, here="event-names", **context)


def _one_name(read: NamesRead, one: EventName, reader: Reader) -> dict[str, Any]:
    catalogue = settings_of(read.names)
    lines = {line.name: line for line in name_lines(read.names, (), reader)}
    shown = catalogue.shown(one.name)
    near = [group for group in alike(list(lines.values()), catalogue) if lines[one.name] in group.lines]
    return {
        "line": lines[one.name],
        "one": one,
        "settings": catalogue.of(one.name),
        "shown": shown,
        "shown_href": name_href(shown) if shown in lines and shown != one.name else None,
        "also": [lines[name] for name in catalogue.recorded([one.name]) if name != one.name and name in lines],
        "near": [line for group in near for line in group.lines if line.name != one.name],
        "trend": trend({day.day: day.count for day in read.days}, reader.now.date(), days=1, slots=DAYS),
        "first_seen": ago(one.first_received_at, reader) if one.first_received_at else None,
        "properties": property_lines(read.properties, one.count, reader),
        "others": read.others.get(one.name, 0),
    }


def _changing(base_url: str, one: EventName) -> dict[str, str]:
    return {
        "set_command": set_command(one.name, ["--description", "What it means", "--tone", "positive"]),
        "undo_command": set_command(one.name, ["--no-alias"]),
        "curl": curl_command(base_url, one.name, {"description": "What it means", "tone": "positive"}),
    }
