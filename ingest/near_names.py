"""Finds the name in use that another one is probably a slip of: `plan_upgarded` of `plan_upgraded`.

One slip of the fingers: a letter left out, doubled, wrong, or two changed about. What tells kinds apart is no slip:
digits (`step_1`, `step_2`), the beginning of a word (`deactivated`, `reactivated`), very short words (`in`, `on`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHORTEST: Final = 5
SHORTEST_WORD: Final = 4
ESTABLISHED: Final = 100
"""A name used so often is meant."""

TIMES_AS_OFTEN: Final = 20
FEWEST: Final = 20
"""A name used less often is no measure for others."""


class NearNames:
    """Names in use, found by what one slip makes of them. Takes about 100 bytes a letter; never changes."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self._index: dict[str, list[str]] = {}
        for name, count in counts.items():
            if count >= FEWEST and len(name) >= SHORTEST:
                for variant in _variants(name):
                    self._index.setdefault(variant, []).append(name)

    def of(self, name: str) -> str | None:
        """Find the most used name that this one is probably meant to be."""
        own = self._counts.get(name, 0)
        if own >= ESTABLISHED or len(name) < SHORTEST:
            return None
        fewest = max(FEWEST, own * TIMES_AS_OFTEN)
        found = {near for variant in _variants(name) for near in self._index.get(variant, ())}
        near = [each for each in found if self._counts[each] >= fewest and is_slip(name, each)]
        return max(near, key=lambda each: (self._counts[each], each), default=None)


def _variants(name: str) -> Iterator[str]:
    """Give the name, and the name without each of its letters: two that are one slip apart have one in common."""
    yield name
    for place in range(len(name)):
        yield name[:place] + name[place + 1 :]


def is_slip(name: str, meant: str) -> bool:
    """Tell whether one slip of the fingers, of a kind that changes no meaning, makes one name out of the other."""
    if name == meant or abs(len(name) - len(meant)) > 1:
        return False
    start = 0
    while start < min(len(name), len(meant)) and name[start] == meant[start]:
        start += 1
    end = 0
    while end < min(len(name), len(meant)) - start and name[-1 - end] == meant[-1 - end]:
        end += 1
    wrong, right = name[start : len(name) - end], meant[start : len(meant) - end]
    if any(character.isdigit() for character in wrong + right):
        return False
    if len(wrong) == len(right) == 2 and wrong == right[::-1]:  # noqa: PLR2004 - two changed about
        return True
    if len(wrong) > 1 or len(right) > 1:
        return False
    if "_" in (wrong, right):  # planupgraded, plan__upgraded
        return len(wrong) != len(right)
    word = meant[meant.rfind("_", 0, start) + 1 :].partition("_")[0]
    return len(word) >= SHORTEST_WORD and not (start == 0 or meant[start - 1] == "_")
