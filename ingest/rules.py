"""The rules of the write API, readable in one place: what each body may hold. The OpenAPI document is made from them.

The ordinary, sound request never comes here: `ingest.events` reads it faster. Whatever that does not vouch for is
read by these rules, which find every fault at once. A property test holds the two in agreement on every input.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

from marshmallow import Schema, ValidationError, validates_schema

from ingest.fields import (
    NAME_LENGTH,
    OBJECT_BYTES,
    TEXT_LENGTH,
    ContactId,
    Email,
    Identifier,
    JsonObject,
    JsonText,
    Label,
    Moment,
    Rule,
    broken,
    kind,
)
from ingest.strict_json import MAX_DEPTH, explain, pointer
from runtime.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime


MAX_FAULTS: Final = 100
"""More are not listed: a hostile body must not make an answer larger than itself."""


class Rules(Schema):
    """A body. Unknown fields are faults: a misspelt one would otherwise be dropped without a word."""

    error_messages: ClassVar[dict[str, str]] = {"unknown": "unknown"}  # type: ignore[misc] # as its documentation does

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.now = now


class Event(Rules):
    """Something that happened to the contact named in the URL."""

    id = Identifier(
        about="Your own id of the event, unique for the contact. The same id again is the same event, whenever it"
        " comes: this makes every retry safe. May be sent as the header Idempotency-Key instead. Made if absent."
    )
    name = Label(
        NAME_LENGTH,
        required=True,
        about="What happened, short. No control characters; best in lowercase with underscores, such as plan_upgraded"
        " (others get a warning, or a refusal where the workspace says so).",
    )
    occurred_at = Moment(
        required=True,
        about="When it really happened: RFC 3339 with an offset, from 2000-01-01 to a day ahead of now. More than six"
        " fractional digits are cut.",
    )
    properties = JsonObject(
        allow_none=True,
        about=f"Free key/value data, kept as written, at most {OBJECT_BYTES} bytes and {MAX_DEPTH} levels. Null is the"
        " same as absent.",
    )


class BatchEvent(Event):
    """Something that happened to the contact that the event names itself."""

    contact_id = ContactId(about="The contact's number. Send this or external_id.")
    external_id = Label(TEXT_LENGTH, about="Your own id of the contact, as given when it was created.")

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def name_one_contact(self, _: object, given: Mapping[str, Any], **__: object) -> None:
        """Ask for exactly one way of naming the contact."""
        if "contact_id" in given and "external_id" in given:
            raise broken(
                "two_contacts", "The event names its contact by contact_id and by external_id. Send one of them."
            )
        if "contact_id" not in given and "external_id" not in given:
            raise broken("no_contact", "The event names no contact. Send contact_id or external_id.")


class ContactChange(Rules):
    """A change to the contact named in the URL. A field that is absent stays as it is."""

    update_id = Identifier(
        about="Your own id of this change: sent again, it is the same change and cannot undo a newer one. May be sent"
        " as the header Idempotency-Key instead. Made if absent."
    )
    email = Email(allow_none=True, about="Null removes it. Need not be unique.")
    name = Label(TEXT_LENGTH, allow_none=True, about="What people call the contact. Null removes it.")
    custom_data = JsonObject(
        allow_none=True,
        about="How things are now (plan, order count). A JSON merge patch (RFC 7396): null removes a key, what is"
        f" absent stays. At most {OBJECT_BYTES} bytes and {MAX_DEPTH} levels a request.",
    )


class Contact(ContactChange):
    """A contact, created or found by the app's own id for it."""

    external_id = Label(
        TEXT_LENGTH,
        required=True,
        about="Your own id of the contact: the only identity. The same id finds the same contact.",
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say: the values, or every fault. `name` is what was sent under that name, sound or not."""

    values: Mapping[str, Any] | None
    faults: list[Fault]
    name: object = None


def judge(rules: Rules, text: str, raw: Mapping[str, str]) -> Verdict:
    """Judge a JSON text. `raw` holds the text of its free objects by field; raise UnreadableError if it is no JSON."""
    value, faults = explain(text, MAX_DEPTH + 1)
    if not isinstance(value, dict):
        message = f"The body must be a JSON object, and this is {kind(value)}."
        return Verdict(None, [*faults, Fault("", "not_an_object", message)])
    for name, field in rules.fields.items():
        if isinstance(field, JsonObject) and value.get(name) is not None:
            value[name] = JsonText(value[name], raw.get(name, ""))
    try:
        values = rules.load(value)
    except ValidationError as error:
        # marshmallow keeps the error in a variable of a frame in its traceback: a cycle, which holds all that the
        # callers have read, a whole batch, until the next full collection. In an outage that is most of the memory.
        error.__traceback__ = None
        known = {fault.pointer for fault in faults}  # a number that cannot be kept need not also be of the wrong kind
        own = (fault for fault in flatten(error.messages, "", tuple(rules.fields)) if fault.pointer not in known)
        return Verdict(None, list(islice(chain(faults, own), MAX_FAULTS)), value.get("name"))
    return Verdict(None if faults else values, faults[:MAX_FAULTS], value.get("name"))


def flatten(messages: object, place: str, names: tuple[str, ...]) -> Iterator[Fault]:
    """Turn marshmallow's tree of messages into faults."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from flatten(inner, place if key == "_schema" else pointer(place, key), names)
    elif isinstance(messages, list):
        for message in messages:
            yield _fault(message, place, names)


def _fault(message: Rule | str, place: str, names: tuple[str, ...]) -> Fault:
    field = place.rpartition("/")[2]
    if isinstance(message, Rule):
        return Fault(place, message.code, message.message.replace("{field}", field), message.limit)
    near = difflib.get_close_matches(field, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else f" Known are {', '.join(names)}."
    free = " Free data goes into properties." if "properties" in names and not near else ""
    return Fault(place, "unknown_field", f"There is no field {field}.{hint}{free}")
