"""JSON whose every value survives all the way: through Kafka, into PostgreSQL, back to a reader.

Python's own reader accepts what PostgreSQL refuses hours later (NaN, U+0000, lone surrogates) or what two readers
understand differently (duplicate keys, integers beyond int64). All of it is refused here, at the door. `scan` is for
the ordinary case: fast, and silent about what is wrong. `explain` is for the rest: it finds every fault and says where.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from runtime.problems import Fault

MAX_DEPTH: Final = 20
"""Levels of objects and lists in one value such as `properties`, itself included."""

MAX_NUMBER_LENGTH: Final = 100
"""Characters of one number. PostgreSQL's own bound is far above, every double's shortest form far below."""

_INT64: Final = range(-(2**63), 2**63)
_INT64_FIRST: Final = _INT64.start
_INT64_LAST: Final = _INT64.stop - 1
_INT_LENGTH_ALWAYS_FINE: Final = 18
_LONGEST_STEP: Final = 200
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_PLAIN_ZERO = re.compile(r"-?0(\.0+)?([eE][+-]?0*[0-9]{1,3})?")
# Possessive, and content with a missing end quote, so that hostile input takes linear time.
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BLANK: Final = " \t\n\r"


class DoubtError(ValueError):
    """`scan` does not vouch for the text; `explain` tells why."""


class UnreadableError(Exception):
    """The bytes are no JSON text at all. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_text(body: bytes) -> str:
    """Decode UTF-8 (RFC 8259, section 8.1); raise UnreadableError for anything else, a byte order mark included."""
    if body.startswith(b"\xef\xbb\xbf"):
        raise UnreadableError("byte_order_mark", "The body begins with a byte order mark. Send UTF-8 without one.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: byte 0x{body[error.start]:02x} at offset {error.start}. Send JSON in UTF-8."
        raise UnreadableError("not_utf8", detail) from error


def depth(text: str) -> int:
    """Count the levels of objects and lists, before anything recursive looks at the text."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return text.count("[") + text.count("{")  # an upper bound is enough where it is within the limit
    level = deepest = 0
    for character in re.findall(r"[\[\]{}]", _STRINGS.sub("", text)):
        level += 1 if character in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DoubtError
    return members


def _sound_int(text: str) -> int:
    if len(text) > _INT_LENGTH_ALWAYS_FINE and (len(text) > MAX_NUMBER_LENGTH or int(text) not in _INT64):
        raise DoubtError
    return int(text)


def sound_float(text: str) -> float:
    """Read a number that is no integer; raise DoubtError for one that would not come back as it was written."""
    number = float(text)
    if len(text) > MAX_NUMBER_LENGTH or not math.isfinite(number) or (not number and not _PLAIN_ZERO.fullmatch(text)):
        raise DoubtError
    return number


def _no_constant(text: str) -> float:
    raise DoubtError(text)


_read_quickly = msgspec.json.Decoder(float_hook=sound_float).decode
_scan_once = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_int=_sound_int, parse_float=sound_float, parse_constant=_no_constant
).scan_once  # type: ignore[attr-defined] # there since Python 2.6, only not in the stubs


def scan(text: str) -> Any:  # noqa: ANN401 - JSON is any value
    """Read a sound JSON text; raise DoubtError for one that may not be. Does not look at the nesting (see `depth`)."""
    try:
        if "\\u" not in text:
            value = _read_quickly(text)
            if has_strings(text, strings(value)):
                return value
        value, end = _scan_once(text, len(text) - len(text.lstrip(_BLANK)))
    except (ValueError, StopIteration, RecursionError) as error:
        raise DoubtError from error
    if end != len(text) and text[end:].strip(_BLANK):
        raise DoubtError
    if "\\u" in text and not _storable(value):  # an escape is the only way in for U+0000 and lone surrogates
        raise DoubtError
    return value


def has_strings(text: str, number: int) -> bool:
    """Tell whether a JSON text holds exactly so many strings, keys included, as were read from it.

    Of an object's equal keys only the last is left. Each string was written with two quotes, and there is no other way
    to write one: so none was dropped exactly where the numbers agree. (Where they do not, there may be other reasons.)
    """
    return text.count('"') == 2 * number


def strings(value: Any) -> int:  # noqa: ANN401 - JSON is any value
    """Count the strings in a value, keys included; raise DoubtError for an integer that cannot be kept."""
    kind = type(value)
    if kind is dict:
        number, members = len(value), value.values()
    elif kind is list:
        number, members = 0, value
    else:
        number, members = 0, (value,)
    for member in members:
        kind = type(member)
        if kind is str:
            number += 1
        elif kind is int:
            if not _INT64_FIRST <= member <= _INT64_LAST:
                raise DoubtError
        elif kind is dict or kind is list:
            number += strings(member)
    return number


def _storable(value: Any) -> bool:  # noqa: ANN401 - JSON is any value
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(_UNSTORABLE.search(key) is None and _storable(member) for key, member in value.items())
    return not isinstance(value, list) or all(map(_storable, value))


@dataclass(frozen=True, slots=True)
class _BadNumber:
    """Stands where a number stood that cannot be kept."""

    code: str
    message: str
    limit: int | str | None = None


class _Members(dict[str, Any]):
    """An object, and the keys that came more than once."""

    repeated: tuple[str, ...] = ()


def _members(pairs: list[tuple[str, Any]]) -> _Members:
    members = _Members(pairs)
    if len(members) != len(pairs):
        members.repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return members


_TOO_LONG = _BadNumber(
    "number_too_long", f"has more than {MAX_NUMBER_LENGTH} characters. Send it as a string.", MAX_NUMBER_LENGTH
)

_OUT_OF_RANGE = _BadNumber(
    "number_out_of_range", "is beyond what a 64-bit float can hold. Send it as a string.", "1.8e308"
)


def _any_int(text: str) -> int | _BadNumber:
    if len(text) > MAX_NUMBER_LENGTH:
        return _TOO_LONG
    if int(text) in _INT64:
        return int(text)
    return _BadNumber(
        "integer_out_of_range",
        "is an integer outside the 64-bit range (-2^63 to 2^63-1). Send it as a string.",
        str(_INT64.stop - 1),
    )


def _any_float(text: str) -> float | _BadNumber:
    try:
        return sound_float(text)
    except DoubtError:
        if len(text) > MAX_NUMBER_LENGTH:
            return _TOO_LONG
        return _BadNumber(
            "number_out_of_range", "is beyond what a 64-bit float can hold. Send it as a string.", "1.8e308"
        )


def _constant(text: str) -> _BadNumber:
    return _BadNumber("not_a_json_number", f"is {text}, which is not JSON. Send null, or leave the key out.")


_read_any = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_any_int, parse_float=_any_float, parse_constant=_constant
).decode


def explain(text: str, max_depth: int = MAX_DEPTH) -> tuple[Any, list[Fault]]:
    """Read a JSON text and find every value that cannot be kept; raise UnreadableError if it is no JSON at all.

    In the value returned a number that cannot be kept is 0, so that other rules can still be checked.
    """
    if depth(text) > max_depth:
        detail = f"The JSON is nested deeper than {max_depth} levels of objects and lists. Flatten it."
        raise UnreadableError("nested_too_deep", detail)
    try:
        value = _read_any(text)
    except json.JSONDecodeError as error:
        detail = f"The JSON breaks off at line {error.lineno}, column {error.colno}: {error.msg.lower()}."
        raise UnreadableError("invalid_json", detail) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableError("invalid_json", "The body is not JSON that can be read.") from error
    faults: list[Fault] = []
    return _check(value, "", faults), faults


def pointer(parent: str, key: str | int) -> str:
    """Extend a JSON Pointer (RFC 6901) by one step. What cannot be written is shown as its escape.

    A very long key is cut, so that an answer cannot grow far beyond the body it answers.
    """
    step = _escaped(str(key)).replace("~", "~0").replace("/", "~1")
    return f"{parent}/{step}" if len(step) <= _LONGEST_STEP else f"{parent}/{step[:_LONGEST_STEP]}..."


def _escaped(text: str) -> str:
    return _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _check(value: Any, place: str, faults: list[Fault]) -> Any:  # noqa: ANN401 - JSON is any value
    if isinstance(value, _BadNumber):
        faults.append(Fault(place, value.code, f"The number {value.message}", value.limit))
        return 0
    if isinstance(value, str):
        _check_text(value, place, "The text", faults)
    elif isinstance(value, _Members):
        faults += [Fault(pointer(place, key), "duplicate_key", _duplicate(key)) for key in value.repeated]
        for key in value:
            _check_text(key, pointer(place, key), "The key", faults)
            value[key] = _check(value[key], pointer(place, key), faults)
    elif isinstance(value, list):
        value[:] = [_check(member, pointer(place, index), faults) for index, member in enumerate(value)]
    return value


def _duplicate(key: str) -> str:
    shown = json.dumps(_escaped(key[:100]), ensure_ascii=False)
    return (
        f"The key {shown} stands more than once in one object; readers disagree about which one counts. Send it once."
    )


def _check_text(text: str, place: str, what: str, faults: list[Fault]) -> None:
    match = _UNSTORABLE.search(text)
    if match is None:
        return
    if match[0] == "\x00":
        message = f"{what} contains the character U+0000, which cannot be stored. Remove it."
        faults.append(Fault(place, "null_character", message))
    else:
        message = f"{what} contains half of a surrogate pair (U+{ord(match[0]):04X}). Send the whole character."
        faults.append(Fault(place, "lone_surrogate", message))
