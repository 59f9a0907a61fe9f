"""Event names and property keys, made readable."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IDENTIFIER = re.compile(r"[^\s!-,;-@\[-^`{-~]+")  # no blanks, and of ASCII's punctuation only _ . : - /
_SEPARATORS = re.compile(r"[\s_.:/\-]+")


def words(name: str) -> list[str]:
    """Split a name at underscores, dots, spaces and humps: `planUpgraded` and `plan.upgraded` are two words each."""
    return [word for part in _SEPARATORS.split(name) for word in _CAMEL.split(part) if word]


def tokens(name: str) -> list[str]:
    """Give the words in lower case, as the tone's word list has them."""
    return [word.lower() for word in words(name)]


def _lower_unless_acronym(word: str) -> str:
    return word if len(word) > 1 and word.isupper() else word.lower()


def readable(name: str) -> str:
    """Make a name readable: `plan_upgraded` becomes `Plan upgraded`. One that is prose already stays as it is."""
    if not _IDENTIFIER.fullmatch(name):
        return name
    text = " ".join(_lower_unless_acronym(word) for word in words(name))
    return text[:1].upper() + text[1:] if text else name


def readable_key(key: str) -> str:
    """Make a property's key readable: `mrr_delta` becomes `mrr delta`."""
    if not _IDENTIFIER.fullmatch(key):
        return key
    return " ".join(_lower_unless_acronym(word) for word in words(key)) or key
