from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from query.presentation.values import CUT, LONG, Budget, Value, is_incomplete, parse, typed, whole


def shown(text: str) -> Value:
    return typed(parse(text), whole())


def test_every_type_is_told_and_numbers_keep_their_digits() -> None:
    value = shown('{"a": "x", "b": 1.50, "c": true, "d": null, "e": [1], "f": {}, "g": 1e400}')
    assert [(key, child.kind, child.text) for key, child in value.children] == [
        ("a", "text", "x"),
        ("b", "number", "1.50"),
        ("c", "boolean", "true"),
        ("d", "null", "null"),
        ("e", "list", ""),
        ("f", "object", ""),
        ("g", "number", "1e400"),
    ]


def test_long_means_more_than_three_lines() -> None:
    assert not typed("x" * LONG, whole()).is_long
    assert typed("x" * (LONG + 1), whole()).is_long
    assert typed("1\n2\n3\n4", whole()).is_long
    assert typed("1\n2\n3\n4", whole()).excerpt == "1\n2\n3"


def test_a_list_of_events_holds_only_the_beginning_of_a_huge_text() -> None:
    value = typed({"text": "x" * 50_000}, Budget())
    text = value.children[0][1]
    assert (len(text.text), text.total, text.is_cut) == (CUT, 50_000, True)
    assert is_incomplete(value)
    assert not is_incomplete(typed({"text": "x" * 50_000}, whole()))


def test_a_list_of_events_holds_only_so_many_values() -> None:
    value = typed({f"k{n}": n for n in range(500)}, Budget())
    assert len(value.children) == 60
    assert value.omitted == 440
    assert is_incomplete(value)


def test_short_lists_read_on_one_line() -> None:
    assert shown('["a", 2, true]').is_short_list
    assert not shown('["a", {"b": 1}]').is_short_list
    assert not shown('["' + "x" * 60 + '"]').is_short_list
    assert not shown("[null]").is_short_list
    assert not shown('{"a": 1}').is_short_list


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=300,
)


def leaves(value: Value) -> int:
    return (
        sum(leaves(child) for _, child in value.children)
        if value.children
        else int(value.kind not in {"list", "object"})
    )


@given(json_values)
def test_a_budget_is_kept_whatever_comes(value: object) -> None:
    assert leaves(typed(parse(json.dumps(value)), Budget())) <= 60
    assert not is_incomplete(typed(parse(json.dumps(value)), whole()))
