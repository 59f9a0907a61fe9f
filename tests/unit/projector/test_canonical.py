from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.fold import same_content
from schemas.canonical import canonical, merge_patch
from schemas.records import InvalidRecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(st.text(), values, max_size=5)


def plain_merge(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """RFC 7396's own pseudocode."""
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = plain_merge(result.get(key), value)
        else:
            result[key] = value
    return result


@given(objects, objects)
def test_merge_is_the_rfcs(target: dict[str, Any], patch: dict[str, Any]) -> None:
    merged = merge_patch(json.dumps(target), json.dumps(patch, ensure_ascii=False))
    assert json.loads(merged) == plain_merge(target, patch)


@given(objects)
def test_canonical_says_the_same_and_ignores_spelling(document: dict[str, Any]) -> None:
    spellings = [
        json.dumps(document),
        json.dumps(document, ensure_ascii=False, indent=2),
        json.dumps(document, sort_keys=True, separators=(",", ":")),
    ]
    assert len({canonical(text) for text in spellings}) == 1
    assert json.loads(canonical(spellings[0])) == document


@pytest.mark.parametrize(
    ("left", "right"), [("1", "1.0"), ("1", "1e0"), ("0.0", "-0.0"), ('"1"', "1"), ("null", "false")]
)
def test_values_that_are_not_the_same(left: str, right: str) -> None:
    assert not same_content(f'{{"a":{left}}}', f'{{"a":{right}}}')


def test_numbers_stay_as_written_through_a_merge() -> None:
    target = '{"a": 1.50, "b": {"c": 1e-7}, "large": 9223372036854775807}'
    assert merge_patch(target, '{"b": {"d": -0.0}}') == '{"a":1.50,"b":{"c":1e-7,"d":-0.0},"large":9223372036854775807}'


def test_nested_beyond_reason_is_compared_as_written_and_not_merged() -> None:
    deep = '{"a":' * 900 + "1" + "}" * 900
    assert same_content(deep, deep)
    with pytest.raises(InvalidRecordError):
        merge_patch("{}", deep)
