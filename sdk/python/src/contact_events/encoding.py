"""From what an app says to the bytes that are sent. Done while the app waits, so that its mistakes are raised at it.

What is checked here is what can be told without the server and for next to nothing; the server's rules decide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from contact_events.errors import InvalidEventError

MAX_OBJECT_BYTES: Final = 32 * 1024
"""Of `properties` or `custom_data`, as JSON."""

NAME_LENGTH: Final = 128
LARGEST_ID: Final = 2**53 - 1
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


def _plain(value: object) -> object:
    """Write the few types whose form is beyond doubt."""
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form; make it a text or a number first")


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def encode_event(  # noqa: PLR0913, PLR0917 - the fields of an event; by position, for speed
    event_id: str,
    contact_id: int | None,
    external_id: str | None,
    name: str,
    occurred_at: datetime,
    properties: Mapping[str, Any] | None,
) -> bytes:
    """Write an event as one line of JSON; raise InvalidEventError for what no server would take."""
    event: dict[str, Any] = {"id": event_id}  # first, so that `id_of` finds it
    if external_id is None:
        event["contact_id"] = _contact_id(contact_id)
    elif contact_id is not None:
        raise InvalidEventError("name the contact by contact_id or by external_id, not by both")
    else:
        event["external_id"] = check_external_id(external_id)
    event["name"] = _name(name)
    event["occurred_at"] = format_time(occurred_at)
    if properties is not None:
        event["properties"] = _plain_dict("properties", properties)
    line = encode_json(event)
    if len(line) > MAX_OBJECT_BYTES and properties is not None:
        check_object("properties", properties)
    return line


def _name(name: object) -> str:
    if isinstance(name, str) and 0 < len(name) <= NAME_LENGTH:
        return name
    raise InvalidEventError(f"name must be a text of 1 to {NAME_LENGTH} characters, not {name!r:.150}")


def _contact_id(contact_id: int | None) -> int:
    if type(contact_id) is int and 0 < contact_id <= LARGEST_ID:
        return contact_id
    raise InvalidEventError(
        f"contact_id must be a contact's number, such as 17, not {contact_id!r:.100}; "
        "your own id for the contact goes into external_id"
    )


def check_external_id(external_id: object) -> str:
    """Give it back; raise InvalidEventError for what is no text."""
    if not isinstance(external_id, str) or not external_id:
        raise InvalidEventError(f"external_id must be a text, not {external_id!r:.100}")
    return external_id


def _plain_dict(field: str, value: object) -> dict[str, Any]:
    if type(value) is dict:
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise InvalidEventError(f"{field} must be a dict, not {type(value).__name__}")


def encode_json(value: object) -> bytes:
    """Write JSON that keeps its values; raise InvalidEventError for what has no such form."""
    try:
        return _json(value).encode()
    except UnicodeEncodeError:
        raise InvalidEventError("a text holds half of a surrogate pair, which cannot be sent") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEventError(f"this cannot be sent as JSON: {error}") from error


def check_object(field: str, value: object) -> None:
    """Raise InvalidEventError for free data that is not an object, or too large."""
    size = len(encode_json(_plain_dict(field, value)))
    if size > MAX_OBJECT_BYTES:
        raise InvalidEventError(f"{field} has {size} bytes as JSON, {MAX_OBJECT_BYTES} are allowed")


def check_id(event_id: object) -> None:
    """Raise InvalidEventError for an id that the server would refuse."""
    if not isinstance(event_id, str) or not _ID.fullmatch(event_id):
        raise InvalidEventError(
            f"an id begins with a letter or digit and has at most 128 of A-Z a-z 0-9 _ . : - ; not {event_id!r:.150}"
        )


def format_time(moment: object) -> str:
    """Write an aware datetime in UTC; raise InvalidEventError for one without an offset, which could be any moment."""
    if type(moment) is datetime and moment.tzinfo is UTC:
        return moment.isoformat()[:-6] + "Z"  # the ordinary case, in a third of the time
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidEventError(
            f"a time must be a datetime with a time zone, such as datetime.now(UTC); not {moment!r:.100}"
        )
    try:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError:
        raise InvalidEventError(f"{moment!r:.100} lies outside the years that can be kept") from None


def id_of(line: bytes) -> str:
    """Read the id back out of an encoded event."""
    return line[7 : line.index(b'"', 7)].decode()
