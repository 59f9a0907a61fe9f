"""Taking a JSON text apart without changing it: the texts of an object's members, and of a list's elements.

Tolerant, as the standard library's reader is (NaN, any number): each part is judged by itself afterwards, so that one
that is no sound JSON does not spoil its neighbours. A key that stands twice is refused, since one would be lost.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

_LONGEST_INT: Final = 19


def _whole(text: str) -> int | str:
    """Read what may be somebody's id, and leave alone what is so long that Python refuses it."""
    return int(text) if len(text) <= _LONGEST_INT else text


_decoder = json.JSONDecoder(parse_int=_whole)
_scan = _decoder.scan_once  # type: ignore[attr-defined] # there since Python 2.6, only not in the stubs
_string = _decoder.parse_string  # type: ignore[attr-defined] # the same
_BLANK: Final = re.compile(r"[ \t\n\r]*")


class NotTakenApartError(ValueError):
    """The text is no JSON object, or no JSON list."""


class RepeatedKeyError(ValueError):
    """A key stands more than once in an object."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def members(text: str) -> dict[str, str]:
    """Give the texts of an object's members; raise NotTakenApartError or RepeatedKeyError.

    Recursive like the reader it uses: bound the depth of the text before.
    """
    found: dict[str, str] = {}
    try:
        place = _after(text, 0, "{")
        while text[place] != "}":
            if found:
                place = _after(text, place, ",")
            if text[place] != '"':
                raise NotTakenApartError
            key, place = _string(text, place + 1)
            if key in found:
                raise RepeatedKeyError(key)
            start = _after(text, _blank(text, place), ":")
            _, place = _scan(text, start)
            found[key] = text[start:place]
            place = _blank(text, place)
    except (json.JSONDecodeError, StopIteration, IndexError, RecursionError) as error:
        raise NotTakenApartError from error
    _end(text, place)
    return found


def elements(text: str) -> list[str]:
    """Give the texts of a list's elements; raise NotTakenApartError."""
    found: list[str] = []
    try:
        place = _after(text, 0, "[")
        while text[place] != "]":
            if found:
                place = _after(text, place, ",")
            start = place
            _, place = _scan(text, start)
            found.append(text[start:place])
            place = _blank(text, place)
    except (json.JSONDecodeError, StopIteration, IndexError, RecursionError) as error:
        raise NotTakenApartError from error
    _end(text, place)
    return found


def value(text: str) -> Any:  # noqa: ANN401 - JSON is any value
    """Read a member's text. An integer of 20 digits and more is given as its text."""
    return _decoder.decode(text)


def _blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    assert match is not None
    return match.end()


def _after(text: str, place: int, character: str) -> int:
    """Step over a character and the blanks about it."""
    place = _blank(text, place)
    if text[place] != character:
        raise NotTakenApartError
    return _blank(text, place + 1)


def _end(text: str, place: int) -> None:
    if _blank(text, place + 1) != len(text):
        raise NotTakenApartError
