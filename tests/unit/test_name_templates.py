"""Templates for the line of an event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.name_templates import Placeholder, TemplateError, parse_template


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{from_plan} → {to_plan}", (Placeholder("from_plan"), " → ", Placeholder("to_plan"))),
        ("{ a b }", (Placeholder("a b"),)),
        ("{{a}}", ("{", "a", "}")),
        ("", ()),
    ],
)
def test_a_template_is_taken_apart(text: str, parts: tuple[str | Placeholder, ...]) -> None:
    assert parse_template(text) == parts


@pytest.mark.parametrize(
    ("text", "place"),
    [("{a", "character 1"), ("a}", "character 2"), ("a {} b", "character 3"), ("{a{b}}", "character 1")],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(TemplateError, match=place):
        parse_template(text)


@given(st.text())
def test_any_text_is_a_template_or_told_to_be_none(text: str) -> None:
    try:
        parts = parse_template(text)
    except TemplateError:
        return
    assert all(isinstance(part, Placeholder) or part for part in parts)
