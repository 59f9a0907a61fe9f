"""JSON values with their types, as a page shows them. Numbers keep the digits they were written with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["text", "number", "boolean", "null", "list", "object"]

LONG = 240
"""A text longer than this, or of more than three lines, is shown in three lines with "Show all"."""

SHORT = 40
"""A text up to this long may stand in a list on one line."""

CUT = 2_000
"""Beyond this many characters a text is cut in a list of events; the event's own page has all of it."""


class Number(str):
    """A JSON number as written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A value and what a reader sees of it. `total` is a text's true length; `omitted` counts children left out."""

    kind: Kind
    text: str = ""
    children: tuple[tuple[str, Value], ...] = ()
    total: int = 0
    omitted: int = 0

    @property
    def is_long(self) -> bool:
        """Tell whether the text takes more than about three lines."""
        return self.kind == "text" and (self.total > LONG or self.text.count("\n") > 2)  # noqa: PLR2004 - three lines

    @property
    def is_cut(self) -> bool:
        """Tell whether the text goes on beyond what is here."""
        return self.kind == "text" and self.total > len(self.text)

    @property
    def is_short_list(self) -> bool:
        """Tell whether this is a list that reads best as a line."""
        if self.kind != "list" or self.omitted or sum(child.total for _, child in self.children) > LONG:
            return False
        kinds = {"text", "number", "boolean"}
        return all(
            child.kind in kinds and 0 < child.total <= SHORT and "\n" not in child.text for _, child in self.children
        )

    @property
    def excerpt(self) -> str:
        """The beginning of a long text."""
        return "\n".join(self.text[:LONG].split("\n")[:3]).rstrip()


@dataclass(slots=True)
class Budget:
    """How much of one event is written into a list: so many values, so many characters. None = all of it."""

    values: int | None = 60
    characters: int | None = 4_000
    spent: list[int] = field(default_factory=lambda: [0, 0])

    def exhausted(self) -> bool:
        """Tell whether nothing more may be shown."""
        values, characters = self.spent
        return (self.values is not None and values >= self.values) or (
            self.characters is not None and characters >= self.characters
        )

    def cut(self, text: str) -> str:
        """Take a text's share and count it."""
        shown = text if self.characters is None else text[:CUT]
        self.spent[0] += 1
        self.spent[1] += len(shown)
        return shown


def whole() -> Budget:
    """Make a budget without limits."""
    return Budget(values=None, characters=None)


def parse(text: str) -> Any:  # noqa: ANN401 - JSON is any of six types
    """Read JSON, numbers as `Number`."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)


def typed(value: Any, budget: Budget) -> Value:  # noqa: ANN401 - JSON is any of six types
    """Type a parsed value, as far as the budget goes."""
    if isinstance(value, dict):
        return _container("object", iter(value.items()), len(value), budget)
    if isinstance(value, list):
        numbered = ((str(index), item) for index, item in enumerate(value, 1))
        return _container("list", numbered, len(value), budget)
    if isinstance(value, Number):
        return Value("number", budget.cut(value), total=len(value))
    if isinstance(value, str):
        return Value("text", budget.cut(value), total=len(value))
    budget.spent[0] += 1
    if value is None:
        return Value("null", "null")
    return Value("boolean", "true" if value else "false", total=1)


def _container(kind: Kind, items: Iterator[tuple[str, Any]], size: int, budget: Budget) -> Value:
    children = []
    for key, item in items:
        if budget.exhausted():
            break
        children.append((key, typed(item, budget)))
    return replace(Value(kind), children=tuple(children), total=size, omitted=size - len(children))


def is_incomplete(value: Value) -> bool:
    """Tell whether anything inside was cut or left out."""
    if value.kind in {"list", "object"}:
        return value.omitted > 0 or any(is_incomplete(child) for _, child in value.children)
    return value.is_cut
