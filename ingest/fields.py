"""The kinds of values a caller may send, each with its rule in one place: check, message, and JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, cast

from marshmallow import ValidationError, fields

from ingest.strict_json import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable

NAME_LENGTH: Final = 128
TEXT_LENGTH: Final = 255
OBJECT_BYTES: Final = 32 * 1024
LARGEST_ID: Final = 2**53 - 1
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(days=1)

EVENT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
VISIBLE: Final = r"^(?=[^\x00-\x1f\x7f-\x9f]*\S)[^\x00-\x1f\x7f-\x9f]+$"
"""As JSON Schema: something to see, and no control characters."""
CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A broken rule, before it is known where."""

    code: str
    message: str
    limit: int | str | None = None


class JsonText:
    """A JSON object as its sender wrote it, beside its value."""

    def __init__(self, value: object, text: str) -> None:
        self.value = value
        self.text = text

    @property
    def size(self) -> int:
        """Bytes of UTF-8."""
        return len(self.text.encode("utf-8", "surrogatepass"))


def broken(code: str, message: str, limit: int | str | None = None) -> ValidationError:
    """Make marshmallow's error out of a rule."""
    return ValidationError([Rule(code, message, limit)])


def kind(value: object) -> str:
    """Name a JSON value's kind."""
    return "null" if value is None else _KINDS.get(type(value), "an object")


class Strict(fields.Field[Any]):
    """A field whose own messages are rules too."""

    wanted = "a value"
    json_schema: ClassVar[dict[str, Any]] = {}

    def described(self) -> dict[str, Any]:
        """Write the rule as JSON Schema, with the field's own description."""
        schema = dict(self.json_schema)
        if self.allow_none:
            schema["type"] = [schema["type"], "null"]
        return schema | {"description": self.about}

    def __init__(self, *, about: str, required: bool = False, allow_none: bool = False) -> None:
        super().__init__(required=required, allow_none=allow_none)
        self.about = about
        self.error_messages = dict[str, Any](self.error_messages) | {
            "required": [Rule("required", f"{{field}} is required: {self.wanted}.")],
            "null": [self.wrong(None)],
        }

    def wrong(self, value: object) -> Rule:
        """Say that the value is of another kind."""
        return Rule("wrong_type", f"{{field}} must be {self.wanted}, and this is {kind(value)}.")

    def text(self, value: object) -> str:
        """Take a text."""
        if not isinstance(value, str):
            raise ValidationError([self.wrong(value)])
        return value


class Label(Strict):
    """A short text for people: not blank, bounded, without control characters."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1}

    def __init__(self, length: int, *, about: str, required: bool = False, allow_none: bool = False) -> None:
        self.length = length
        self.wanted = f"a text of 1 to {length} characters"
        super().__init__(about=about, required=required, allow_none=allow_none)

    def described(self) -> dict[str, Any]:
        """Add the length to the rule."""
        return super().described() | {"maxLength": self.length, "pattern": VISIBLE}

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        text = self.text(value)
        faults = []
        if not text.strip():
            faults.append(Rule("blank", "{field} is blank. Send at least one visible character."))
        if len(text) > self.length:
            message = f"{{field}} has {len(text)} characters, {self.length} are allowed. Shorten it."
            faults.append(Rule("too_long", message, self.length))
        if match := CONTROL.search(text):
            message = f"{{field}} contains the control character U+{ord(match[0]):04X}. Remove it."
            faults.append(Rule("control_character", message))
        if faults:
            raise ValidationError(faults)
        return text


class Email(Strict):
    """An e-mail address, checked for its outline only: what mail servers accept is theirs to say."""

    wanted = "an e-mail address or null"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "email", "maxLength": TEXT_LENGTH}

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        text = self.text(value)
        if len(text) > TEXT_LENGTH:
            raise broken("too_long", f"{{field}} has {len(text)} characters, {TEXT_LENGTH} are allowed.", TEXT_LENGTH)
        if not _EMAIL.fullmatch(text):
            raise broken("invalid_email", "{field} does not look like an e-mail address (something@somewhere).")
        return text


class Identifier(Strict):
    """The id of an event or of a change: the caller's own, and what makes sending again harmless."""

    wanted = "an id of 1 to 128 characters"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{EVENT_ID.pattern}$"}

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        text = self.text(value)
        if not EVENT_ID.fullmatch(text):
            message = (
                "{field} must begin with a letter or digit and have at most 128 of the characters A-Z a-z 0-9 _ . : -"
            )
            raise broken("invalid_id", message, EVENT_ID.pattern)
        return text


class ContactId(Strict):
    """A contact's number, as a number."""

    wanted = "a contact's number, such as 17, without quotes"
    json_schema: ClassVar[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError([self.wrong(value)])
        if not 1 <= value <= LARGEST_ID:
            raise broken("out_of_range", f"{{field}} must be from 1 to {LARGEST_ID}.", LARGEST_ID)
        return value


class JsonObject(Strict):
    """Free key/value data, kept as the text it came as. Values are checked by `ingest.strict_json` before."""

    wanted = "a JSON object"
    json_schema: ClassVar[dict[str, Any]] = {"type": "object", "x-max-bytes": OBJECT_BYTES, "x-max-depth": MAX_DEPTH}

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        assert isinstance(value, JsonText)
        if not isinstance(value.value, dict):
            raise ValidationError([self.wrong(value.value)])
        if value.size > OBJECT_BYTES:
            message = f"{{field}} has {value.size} bytes, {OBJECT_BYTES} are allowed. Send less, or link to the rest."
            raise broken("too_large", message, OBJECT_BYTES)
        return value.text


class Clocked(Protocol):
    """What a schema with a moment in it must offer."""

    now: Callable[[], datetime]


class Moment(Strict):
    """When something happened: RFC 3339 with an offset, cut to microseconds, from 2000 to a day ahead."""

    wanted = "a time such as 2026-06-07T10:30:00Z"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date-time"}

    def _deserialize(self, value: object, *_: object, **__: object) -> datetime:
        moment = read_moment(self.text(value))
        if isinstance(moment, Rule):
            raise ValidationError([moment])
        if moment < EARLIEST:
            raise broken("too_early", "{field} lies before 2000-01-01T00:00:00Z.", "2000-01-01T00:00:00Z")
        if moment > cast("Clocked", self.parent).now() + AHEAD:
            message = "{field} lies more than a day in the future. Check the clock and the offset of the sender."
            raise broken("too_far_ahead", message, "now + 1 day")
        return moment


def read_moment(text: str) -> datetime | Rule:
    """Read RFC 3339 into UTC, or say what is wrong with it."""
    if not MOMENT.fullmatch(text):
        if MOMENT.fullmatch(text + "Z"):
            return Rule("no_offset", "{field} has no offset from UTC. Add Z, or one such as +02:00.")
        return Rule("invalid_time", "{field} is not an RFC 3339 time such as 2026-06-07T10:30:00Z.")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError as error:
        return Rule("invalid_time", f"{{field}} is no moment that exists: {error}.")
    except OverflowError:
        return Rule("too_early" if text < "1" else "too_far_ahead", "{field} lies outside the years that can be kept.")
