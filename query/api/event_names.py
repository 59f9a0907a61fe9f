"""`/api/v1/event-names`: the catalogue of a workspace's event names."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, request

from query.event_names import event_names, name_properties, other_properties
from query.parameters import Parameters
from query.presentation.catalogue import settings_of
from query.presentation.near_names import groups
from query.shapes import answer, moment
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from query.catalogue import Catalogue
    from query.event_names import EventName, PropertyType
    from query.services import Services

LONGEST_NAME: Final = 128


def event_names_blueprint(services: Services) -> Blueprint:
    """Make the route."""
    blueprint = Blueprint("api_event_names", __name__, url_prefix="/api/v1")

    @blueprint.get("/event-names")
    def list_event_names() -> Response:
        viewer = services.access.workspace_viewer(request, "events:read")
        parameters = Parameters(request.args)
        name = parameters.text("name", LONGEST_NAME)
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            names = event_names(connection, viewer.workspace_id)
            catalogue = settings_of(names)
            meant = None if name is None else set(catalogue.recorded([name]))
            one = name if meant is not None and len(meant) == 1 else None  # of several all are read, some answered
            properties = name_properties(connection, viewer.workspace_id, one)
            others = other_properties(connection, viewer.workspace_id)
        near = near_names(names, catalogue)
        found = {key: list(of_name) for key, of_name in groupby(properties, key=attrgetter("name"))}
        data = [
            name_document(each, catalogue, near.get(each.name, []))
            | {"properties": property_documents(found.get(each.name, ())), "other_properties": others.get(each.name, 0)}
            for each in names
            if meant is None or each.name in meant
        ]
        return answer({"data": data, "next_cursor": None, "prev_cursor": None})

    return blueprint


def near_names(names: Sequence[EventName], catalogue: Catalogue) -> dict[str, list[str]]:
    """Tell of each name which others may be meant to be the same and are not shown as one with it."""
    return {
        name: [other for other in group if catalogue.shown(other) != catalogue.shown(name)]
        for group in groups([one.name for one in names if not one.archived])
        for name in group
    }


def name_document(one: EventName, catalogue: Catalogue, near: list[str]) -> dict[str, Any]:
    """Write one name of the catalogue."""
    return {
        "name": one.name,
        "shown_as": catalogue.shown(one.name),
        "count": one.count,
        "first_received_at": moment(one.first_received_at),
        "last_received_at": moment(one.last_received_at),
        "description": one.description,
        "alias": one.alias,
        "archived": one.archived,
        "hidden": one.hidden,
        "pinned": one.pinned,
        "tone": one.tone,
        "template": one.template,
        "smallest_bytes": one.smallest_bytes,
        "largest_bytes": one.largest_bytes,
        "near": near,
    }


def property_documents(found: Iterable[PropertyType]) -> list[dict[str, Any]]:
    """Write the properties of one name, each with its types."""
    return [
        {"name": key, "types": [type_document(one) for one in types]}
        for key, types in groupby(found, key=attrgetter("property"))
    ]


def type_document(one: PropertyType) -> dict[str, Any]:
    """Write one type of a property."""
    return {
        "type": one.type,
        "count": one.count,
        "first_received_at": format_time(one.first_received_at),
        "last_received_at": format_time(one.last_received_at),
    }
