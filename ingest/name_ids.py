"""Finds an id inside an event's name: `order_48213_paid` should be `order_paid` with the id as a property.

Such names cannot be counted, and there is one more with every order. Numbers that tell kinds apart are left alone:
`step_2_done`, `oauth2_connected`, `q3_2026_closed`, `http_404_seen`, `reached_10000_orders`, `iso_27001_certified`.
"""

from __future__ import annotations

import itertools
import re
from typing import Final, NamedTuple

from ingest.names import suggestion

_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}([-_]?)[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
_TOKEN: Final = re.compile(r"[0-9A-Za-z]+")
_GLUED: Final = re.compile(r"([A-Za-z]+)([0-9]{6,})")
_SUSPICIOUS: Final = re.compile(r"[0-9][0-9A-Za-z]{0,6}[0-9]")
"""No id of these kinds is without two digits near each other: most names are through after this."""

_STANDARDS: Final = frozenset({"iso", "din", "rfc", "en", "iec"})
_FEWEST_DIGITS: Final = 5
_HEX_LENGTH: Final = 8
_RANDOM_LENGTH: Final = 16


class NameId(NamedTuple):
    """An id found in a name, the name without it, and what a property with it could be called."""

    id: str
    suggestion: str | None
    property: str


def find_id(name: str) -> NameId | None:
    """Find the first id in a name; None where there is none."""
    if not _SUSPICIOUS.search(name):
        return None
    if match := _UUID.search(name):
        return _without(name, match.start(), match.end())
    before = ""
    for token in _TOKEN.finditer(name):
        text = token[0]
        if before.lower() not in _STANDARDS and _is_id(text):
            return _without(name, token.start(), token.end())
        if (glued := _GLUED.fullmatch(text)) and not _is_round(glued[2]):
            return _without(name, token.start() + len(glued[1]), token.end())
        before = text
    return None


def _is_id(text: str) -> bool:
    if text.isdigit():
        return len(text) >= _FEWEST_DIGITS and not _is_round(text)
    digits = sum(character.isdigit() for character in text)
    letters = len(text) - digits
    is_hex = len(text) >= _HEX_LENGTH and all(character in "0123456789abcdefABCDEF" for character in text)
    return (is_hex or len(text) >= _RANDOM_LENGTH) and digits > 1 and letters > 0 and _alternates(text)


def _alternates(text: str) -> bool:
    """Tell random characters from a word with a number behind it."""
    return sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(text)) >= 3  # noqa: PLR2004


def _is_round(digits: str) -> bool:
    return digits.endswith("000")  # a milestone


def _without(name: str, start: int, end: int) -> NameId:
    words = _TOKEN.findall(name[:start])
    rest = suggestion(f"{name[:start]}_{name[end:]}")
    subject = suggestion(words[-1]) if words else None
    return NameId(name[start:end], rest, f"{subject}_id" if subject else "id")
