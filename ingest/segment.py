"""From the messages of Segment's libraries to what this API knows: events, and what is said about a contact.

A message's parts are put, as they were written, into the API's own body of the same meaning, and read by the API's own
rules: so the door takes exactly what the others take. Faults are told in the words of the message.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingest.contact_bodies import ContactBody, read_contact
from ingest.events import EventDraft, Invalid
from ingest.fields import EVENT_ID
from ingest.json_members import NotTakenApartError, RepeatedKeyError, members, value
from ingest.segment_bodies import repeated
from runtime.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ingest.events import EventReader
    from ingest.rules import Rules

IGNORED: Final = ("page", "screen", "group", "alias")
"""Types of message that say nothing that is shown of a contact: taken, counted, not kept."""

KINDS: Final = ("track", "identify", *IGNORED)

_TIMES: Final = ("timestamp", "originalTimestamp", "sentAt")
_READ: Final = {"type", "event", "userId", "messageId", *_TIMES}
_NOT_KEPT: Final = {"anonymousId", "context", "integrations", "channel", "version", "writeKey", "receivedAt"}
"""Parts that Segment's libraries add to each message by themselves, and that say nothing about the contact."""

_TRACK_WORDS: Final = {"name": "event", "external_id": "userId", "id": "messageId", "occurred_at": "timestamp"}
_IDENTIFY_WORDS: Final = {
    "external_id": "userId",
    "update_id": "messageId",
    "email": "traits/email",
    "name": "traits/name",
    "custom_data": "traits",
}
_NO_USER: Final = "The message names no user, so there is no contact to put it on; anonymousId is none. Send userId."
_HALVES: Final = re.compile("[\ud800-\udfff]")
_LONGEST_SHOWN: Final = 100


class Read(msgspec.Struct, frozen=True):
    """A message that keeps all rules, with what its sender should know."""

    content: EventDraft | ContactBody
    warnings: list[dict[str, Any]]


class Ignored(msgspec.Struct, frozen=True):
    """A message of a type that is not kept."""

    kind: str


class MessageReader:
    """Reads messages by the rules of events and contacts."""

    def __init__(self, events: EventReader, contact_rules: Rules) -> None:
        self._events = events
        self._contact_rules = contact_rules

    def read(self, text: str, kind: str | None, sent_at: str, latest: datetime) -> Read | Ignored | Invalid:
        """Read one message. `kind` is None where it names its type itself; `sent_at` counts where it has no time."""
        try:
            parts = {key: part for key, part in members(text).items() if part != "null"}
        except NotTakenApartError:
            return Invalid([Fault("", "not_an_object", "A message must be a JSON object.")])
        except RepeatedKeyError as error:
            return Invalid([repeated(error.key)])
        kind = kind or value(parts.get("type", "null"))
        if kind not in KINDS:
            return Invalid([Fault("/type", "unknown_type", f"type must be one of {', '.join(KINDS)}.")])
        if kind in IGNORED:
            return Ignored(kind)
        content = self._track(parts, sent_at, latest) if kind == "track" else self._identify(parts)
        words = _TRACK_WORDS if kind == "track" else _IDENTIFY_WORDS
        faults = [_in_words(fault, words) for fault in content.faults] if isinstance(content, Invalid) else []
        if "userId" not in parts:
            faults.append(Fault("/userId", "no_user", _NO_USER))
        if faults or isinstance(content, Invalid):
            return Invalid(faults, name=content.name if isinstance(content, EventDraft | Invalid) else None)
        return Read(content, _warnings(parts, "properties" if kind == "track" else "traits"))

    def _track(self, parts: Mapping[str, str], sent_at: str, latest: datetime) -> EventDraft | ContactBody | Invalid:
        moment = next((parts[key] for key in _TIMES if key in parts), json.dumps(sent_at))
        body = {"occurred_at": moment} | _identifiers(parts, "id")
        body |= {ours: parts[key] for ours, key in (("name", "event"), ("properties", "properties")) if key in parts}
        return self._events.read(_object(body), latest)

    def _identify(self, parts: Mapping[str, str]) -> ContactBody | Invalid:
        body = _identifiers(parts, "update_id")
        if "traits" in parts:
            try:
                traits = members(parts["traits"])
            except NotTakenApartError:
                body["custom_data"] = parts["traits"]  # which the rules will refuse
            except RepeatedKeyError as error:
                fault = repeated(error.key)
                return Invalid([Fault(f"/custom_data{fault.pointer}", fault.code, fault.message)])
            else:
                body |= {field: traits.pop(field) for field in ("email", "name") if field in traits}
                if traits:
                    body["custom_data"] = _object(traits).decode()
        return read_contact(self._contact_rules, _object(body))


def message_id(given: str) -> str:
    """Give the id of the event or update: the message's own where it has the form of one, else made from it alone."""
    if EVENT_ID.fullmatch(given):
        return given
    return "sha256:" + hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def _object(parts: Mapping[str, str]) -> bytes:
    return "".join(("{", ",".join(f"{_key(key)}:{part}" for key, part in parts.items()), "}")).encode()


def _key(key: str) -> str:
    """Write a key as it may be sent on; half of a surrogate pair as an escape, for the rules to find."""
    return json.dumps(key, ensure_ascii=_HALVES.search(key) is not None)


def _identifiers(parts: Mapping[str, str], id_: str) -> dict[str, str]:
    """Take the contact's id and the message's. A whole number is as good as its digits: some programs have such ids."""
    user = value(parts.get("userId", '"-"'))  # without one the rules are to tell the other faults
    whole = isinstance(user, int) and not isinstance(user, bool)
    found = {"external_id": json.dumps(str(user)) if whole else parts.get("userId", '"-"')}
    if "messageId" in parts:
        given = value(parts["messageId"])
        found[id_] = json.dumps(message_id(given)) if isinstance(given, str) else parts["messageId"]
    return found


def _in_words(fault: Fault, words: Mapping[str, str]) -> Fault:
    """Tell a fault in the words of the message."""
    ours, slash, rest = fault.pointer.removeprefix("/").partition("/")
    theirs = words.get(ours, ours)
    message = fault.message if slash else re.sub(rf"^{ours}\b", theirs.replace("/", "."), fault.message)
    return Fault(f"/{theirs}{slash}{rest}" if fault.pointer else "", fault.code, message, fault.limit)


def _warnings(parts: Mapping[str, str], free: str) -> list[dict[str, Any]]:
    """Tell what is not kept, and that an id was made."""
    others = [key for key in parts if key not in _READ and key not in _NOT_KEPT and key != free and key[:1] != "_"]
    warnings = [
        {"code": "not_kept", "pointer": f"/{key}", "message": f"{key} is not kept. Free data goes into {free}."}
        for key in (other[:_LONGEST_SHOWN] for other in others[:10])
    ]
    given = value(parts.get("messageId", "null"))
    if isinstance(given, str) and message_id(given) != given:
        message = "messageId has not the form of an id. The id is made from it: the same one always gives the same id."
        warnings.append({"code": "id_made", "pointer": "/messageId", "message": message})
    return warnings
