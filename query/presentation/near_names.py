"""Event names that may be meant to be one: alike but for case and separators, or one slip of the keyboard apart."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from query.presentation.names import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SHORTEST: Final = 5
"""Shorter names are often one letter apart and mean different things."""


def normal(name: str) -> str:
    """Write a name as it is compared: its letters and digits in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", "".join(tokens(name)))
    return "".join(character for character in plain if character.isalnum()).casefold()


def near(one: str, other: str) -> bool:
    """Tell whether normal spellings are equal, or one letter is wrong, missing, too many, or swapped with the next.

    Digits count: `step_1` and `step_2` are two things.
    """
    if one == other:
        return bool(one)
    if min(len(one), len(other)) < SHORTEST or abs(len(one) - len(other)) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        start = min(len(one), len(other))
    differing = one[start : start + 1] + other[start : start + 1]
    if any(character.isdigit() for character in differing):
        return False
    swapped = one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
    return (
        one[start + 1 :] == other[start + 1 :]
        or one[start + 1 :] == other[start:]
        or one[start:] == other[start + 1 :]
        or swapped
    )


def groups(names: Sequence[str]) -> list[list[str]]:
    """Group names that are near each other; each group has at least two, in the order given.

    Two spellings that are a slip apart agree once each lacks some one letter, so that only those have to be compared:
    the cost grows with the number of names, not with its square.
    """
    spelled = {name: normal(name) for name in names}
    alike: dict[str, list[str]] = {}
    for name, spelling in spelled.items():
        for key in {spelling, *_lacking_one(spelling)}:
            alike.setdefault(key, []).append(name)
    leader = {name: name for name in names}
    for candidates in alike.values():
        for name, other in _pairs(candidates):
            if near(spelled[name], spelled[other]):
                _join(leader, name, other)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_lead(leader, name), []).append(name)
    return [group for group in found.values() if len(group) > 1]


def _lacking_one(spelling: str) -> Iterator[str]:
    if len(spelling) >= SHORTEST:
        yield from (spelling[:place] + spelling[place + 1 :] for place in range(len(spelling)))


def _pairs(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Pair each with its neighbours: a long list of one spelling needs no more to become one group."""
    if len(names) <= 8:  # noqa: PLR2004 - few enough to compare all
        return [(name, other) for place, name in enumerate(names) for other in names[place + 1 :]]
    return [*pairwise(names), *((names[0], other) for other in names[1:])]


def _lead(leader: dict[str, str], name: str) -> str:
    while leader[name] != name:
        leader[name] = leader[leader[name]]
        name = leader[name]
    return name


def _join(leader: dict[str, str], name: str, other: str) -> None:
    leader[_lead(leader, other)] = _lead(leader, name)
