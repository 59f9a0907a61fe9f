"""The rules for what a workspace may say about its event names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingest.events import Invalid
from ingest.fields import NAME_LENGTH, Identifier, Label
from ingest.name_fields import Flag, Template, Tone
from ingest.rules import Rules, judge
from ingest.strict_json import UnreadableError, read_text
from runtime.problems import Fault

if TYPE_CHECKING:
    from schemas.records import NameChange

DESCRIPTION_LENGTH: Final = 1_000


class EventNameChange(Rules):
    """What is to be known about an event name. A field that is absent stays as it is; null takes it away."""

    update_id = Identifier(
        about="Your own id of this change: sent again, it is the same change and cannot undo a newer one. May be sent"
        " as the header Idempotency-Key instead. Made if absent."
    )
    description = Label(DESCRIPTION_LENGTH, allow_none=True, about="What the event means, for people.")
    alias = Label(
        NAME_LENGTH,
        allow_none=True,
        about="The name that it is shown and counted as. Events keep their name; null undoes it. May be the name of"
        " other events, or a new one; may not be a name that has an alias itself.",
    )
    archived = Flag(allow_none=True, about="Folded away in the catalogue. Timelines stay as they are.")
    hidden = Flag(allow_none=True, about="Left out of what agents see, unless they ask for it.")
    pinned = Flag(allow_none=True, about="Comes first where there is room for few.")
    tone = Tone(allow_none=True, about="How it bears on the customer's mood; null: as its words say.")
    template = Template(
        about="The line that agents read instead of the properties: {from_plan} → {to_plan}. {key} is the property of"
        " that key, {{ and }} are braces. Where a property is missing, the ordinary line is shown."
    )


class NameBody(msgspec.Struct, frozen=True):
    """A body that keeps all rules."""

    change: NameChange
    update_id: str | None


def read_name_change(rules: Rules, body: bytes) -> NameBody | Invalid:
    """Read what a body says about a name, or every fault of it."""
    try:
        verdict = judge(rules, read_text(body), {})
    except UnreadableError as error:
        return Invalid([Fault("", error.code, error.detail)], unreadable=True)
    if verdict.values is None:
        return Invalid(verdict.faults)
    values: dict[Any, Any] = dict(verdict.values)
    update_id = values.pop("update_id", None)
    if not values:
        known = ", ".join(name for name in rules.fields if name != "update_id")
        return Invalid([Fault("", "nothing_to_change", f"Send at least one of {known}.")])
    return NameBody(values, update_id)
