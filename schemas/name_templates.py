"""Templates for the line of an event: `{from_plan} → {to_plan}`. What may stand in one, for the writer and the reader.

`{key}` stands for the event's property of that key; `{{` and `}}` are braces. Everything else is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST: Final = 500
"""Characters of one template."""

_PARTS: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """The text is no template. The message says what is wrong, and at which character, counted from 1."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The property of this key stands here."""

    key: str


@lru_cache(maxsize=1_024)
def parse_template(text: str) -> tuple[str | Placeholder, ...]:
    """Take a template apart into texts and placeholders; raise TemplateError."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PARTS.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        place = match.start() + 1
        if match[0] in {"{{", "}}"}:
            parts.append(match[0][0])
        elif match[0] == "{":
            raise TemplateError(f"the brace {{ at character {place} is never closed; write {{{{ for a brace")
        elif match[0] == "}":
            raise TemplateError(f"the brace }} at character {place} closes nothing; write }}}} for a brace")
        elif not match[1].strip():
            raise TemplateError(f"the braces at character {place} name no property")
        else:
            parts.append(Placeholder(match[1].strip()))
    parts.append(text[end:])
    return tuple(part for part in parts if part)
