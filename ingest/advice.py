"""What to tell callers about events that are taken and yet look like mistakes: warnings never refuse and never wait.

What is known of a name is worked out once and remembered until the known names are read anew, so that an event costs
two look-ups in dictionaries, and a check of its properties where their types are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.name_ids import find_id
from ingest.names import warnings
from ingest.near_names import ESTABLISHED
from ingest.property_types import said
from ingest.strict_json import pointer

if TYPE_CHECKING:
    from ingest.events import EventDraft
    from ingest.known_names import Known, KnownNames
    from ingest.property_types import PropertyTypes, Usual

Warnings = list[dict[str, Any]]

MOST_PROPERTIES: Final = 5
"""Warned about one by one in one event."""

MOST_REMEMBERED: Final = 5_000
"""Names, of one workspace."""

WARNING_CODES: Final = {
    "unconventional_name": "The name is not in lowercase with underscores.",
    "near_known_name": "The name is one slip away from one that this workspace uses far more often.",
    "id_in_name": "The name holds an id, so that it cannot be counted with its like.",
    "property_type_changed": "The property is of another type than in nearly all events of this name so far.",
    "more_types_changed": "So do more properties than are listed.",
}


class Advice:
    """Gives warnings. Safe to use from many threads."""

    def __init__(self, names: KnownNames) -> None:
        self._names = names

    def about(self, workspace_id: int, draft: EventDraft) -> Warnings:
        """Give the warnings about an event. The list is the caller's own."""
        known = self._names.of(workspace_id)
        found = known.advice.get(draft.name)
        if found is None:
            found = _remember(known, draft.name)
        of_name, types = found
        if types is None:
            return list(of_name)
        others = types.others(draft.properties)
        return [*of_name, *_about_types(others)] if others else list(of_name)


def _remember(known: Known, name: str) -> tuple[Warnings, PropertyTypes | None]:
    if len(known.advice) >= MOST_REMEMBERED:
        known.advice.clear()
    found = known.advice[name] = (_about_name(known, name), known.types_of(name))
    return found


def _about_name(known: Known, name: str) -> Warnings:
    found = warnings(name)
    if known.counts.get(name, 0) >= ESTABLISHED:
        return found
    if (held := find_id(name)) is not None:
        better = f" Consider {held.suggestion}, with {held.property} as a property." if held.suggestion else ""
        message = f"The name holds {held.id}, which looks like an id: each one makes a name of its own.{better}"
        warning = {"code": "id_in_name", "pointer": "/name", "message": message}
        found.append(warning | ({"suggestion": held.suggestion} if held.suggestion else {}))
    elif (near := known.near.of(name)) is not None:
        times = known.counts[near]
        message = f"Did you mean {near}, which this workspace has used {times:,} times?"
        found.append({"code": "near_known_name", "pointer": "/name", "message": message, "suggestion": near})
    return found


def _about_types(others: list[tuple[str, str, Usual]]) -> Warnings:
    found: Warnings = []
    for name, type_, usual in others[:MOST_PROPERTIES]:
        all_of = "all" if usual.so_many == usual.total else f"{usual.so_many:,} of"
        so_far = f"was {said(usual.type)} in {all_of} {usual.total:,} events that had it so far"
        message = f"{name[:100]} {so_far}, here it is {said(type_)}."
        found.append({"code": "property_type_changed", "pointer": pointer("/properties", name), "message": message})
    if len(others) > MOST_PROPERTIES:
        message = f"{len(others) - MOST_PROPERTIES} more properties are of another type than so far."
        found.append({"code": "more_types_changed", "pointer": "/properties", "message": message})
    return found
