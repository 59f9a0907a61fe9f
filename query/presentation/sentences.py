"""The sentence of an event: its name made readable, then what changed, then up to three more properties.

Units are never guessed: an amount is money only where a property `currency` stands beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from query.presentation.names import readable, readable_key, tokens
from query.presentation.values import Number
from schemas.name_templates import TemplateError, parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping

MORE: Final = 3
LONGEST: Final = 60
LONGEST_LINE: Final = 240
MONEY: Final = frozenset(
    """
    amount arr balance charge cost discount fee mrr paid payment price refund revenue spend subtotal tax total value
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_CURRENCY = re.compile(r"[A-Z]{3}")
_NOT_MONEY = frozenset({"cents", "minor", "count", "id", "number", "percent", "rate", "quantity", "qty"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One property in the sentence. With `before` it is a change: `plan: starter → pro`."""

    label: str
    value: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a row says."""

    title: str
    facts: tuple[Fact, ...]


def sentence(name: str, properties: Mapping[str, Any], template: str | None = None) -> Sentence:
    """Say an event in a line. `properties` is parsed by `values.parse`.

    A template stands in the place of the properties, unless one that it names is missing or has no short form.
    """
    if template and (text := filled(template, properties)):
        return Sentence(readable(name), (Fact("", text),))
    currency = properties.get("currency")
    currency = currency if isinstance(currency, str) and _CURRENCY.fullmatch(currency) else None
    changes, used = _changes(properties, currency)
    facts = list(changes)
    for key, value in properties.items():
        if len(facts) - len(changes) == MORE:
            break
        text = _scalar(key, value, currency)
        if key not in used and key != "currency" and text:
            facts.append(Fact(readable_key(key), text))
    said_with_money = any(_is_money(key, value) for key, value in properties.items())
    if currency and not said_with_money and len(facts) - len(changes) < MORE:
        facts.append(Fact("currency", currency))
    return Sentence(readable(name), tuple(facts))


def filled(template: str, properties: Mapping[str, Any]) -> str | None:
    """Put an event's properties into a template; None when it cannot be filled. Nothing is added: no unit, no currency.

    A key that is no property leads into objects at its dots: `{card.brand}`.
    """
    texts = []
    try:
        parts = parse_template(template)
    except TemplateError:  # only a raw producer can have written it
        return None
    for part in parts:
        text = part if isinstance(part, str) else _scalar("", _found(part.key, properties), None)
        if text is None or text == "":
            return None
        texts.append(text)
    line = " ".join("".join(texts).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1].rstrip() + "…"


def _found(key: str, properties: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON is any of six types
    if key in properties:
        return properties[key]
    value: Any = properties
    for step in key.split("."):
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


def _changes(properties: Mapping[str, Any], currency: str | None) -> tuple[list[Fact], set[str]]:
    facts: list[Fact] = []
    used: set[str] = set()
    for key in properties:
        subject = key.removeprefix("from_")
        other = f"to_{subject}"
        if key == "from":
            subject, other = "", "to"
        if (key != "from" and subject == key) or other not in properties:
            continue
        before = _scalar(subject, properties[key], currency)
        after = _scalar(subject, properties[other], currency)
        if before and after:
            facts.append(Fact(readable_key(subject) if subject else "", after, before))
            used |= {key, other}
    return facts, used


def _scalar(key: str, value: Any, currency: str | None) -> str | None:  # noqa: ANN401 - JSON is any of six types
    """Write a value in a few words; None for what has no short form (null, lists, objects, blank text)."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Number):
        return f"{value} {currency}" if currency and _is_money(key, value) else str(value)
    if isinstance(value, str):
        text = " ".join(value[: LONGEST * 4].split())
        return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
    return None


def _is_money(key: str, value: Any) -> bool:  # noqa: ANN401 - JSON is any of six types
    found = set(tokens(key))
    return isinstance(value, Number) and bool(found & MONEY) and not found & _NOT_MONEY
