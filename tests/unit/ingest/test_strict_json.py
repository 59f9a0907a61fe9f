from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.strict_json import DoubtError, UnreadableError, depth, explain, pointer, scan

# Few, so that keys repeat, with all that a count of quotes could trip over.
texts = st.sampled_from(["a", "b", "", ":", " ", ",", '"', "\\", '\\"', '":', "\u00e9", "{", "}"])

SOUND = [
    '{"a": 1.5, "b": [null, true, "x\\u00e9\\ud83d\\udce6"]}',
    " 1 ",
    '"\\\\u0000"',
    "-9223372036854775808",
    "0e-5",
    "{}",
]


@pytest.mark.parametrize("text", SOUND)
def test_the_sound_passes_both_ways(text: str) -> None:
    assert scan(text) == json.loads(text)
    assert explain(text) == (json.loads(text), [])


@st.composite
def written(draw: st.DrawFn, levels: int = 3) -> tuple[str, bool]:
    """Write a JSON value, with any white space; tell also whether some object in it has a key twice."""
    blank = draw(st.sampled_from(["", "", " ", "\n\t"]))
    kind = draw(st.sampled_from(["text", "number", "object", "list"] if levels else ["text", "number"]))
    if kind == "text":
        return json.dumps(draw(texts), ensure_ascii=draw(st.booleans())), False
    if kind == "number":
        return draw(st.sampled_from(["0", "-1.50", "true", "null", "9223372036854775807", "1E5"])), False
    members = [draw(written(levels - 1)) for _ in range(draw(st.integers(0, 3)))]
    repeats = any(repeated for _, repeated in members)
    if kind == "list":
        return f"[{','.join(text + blank for text, _ in members)}]", repeats
    keys = [draw(texts) for _ in members]
    pairs = [f"{json.dumps(key)}{blank}:{blank}{text}" for key, (text, _) in zip(keys, members, strict=True)]
    return f"{{{','.join(pairs)}{blank}}}", repeats or len(set(keys)) < len(keys)


@settings(max_examples=3_000, deadline=None)
@given(case=written())
def test_a_key_that_comes_twice_is_never_passed_over(case: tuple[str, bool]) -> None:
    text, repeats = case
    if repeats:
        with pytest.raises(DoubtError):
            scan(text)
    else:
        assert scan(text) == json.loads(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "[-9223372036854775809]", '{"a":[18446744073709551616]}'])
def test_an_integer_beyond_64_bits_is_never_passed_over(text: str) -> None:
    with pytest.raises(DoubtError):
        scan(text)


def test_every_fault_is_found_at_once() -> None:
    _, faults = explain(
        '{"a": NaN, "b": {"c/d": [1e999, "\\u0000"], "c/d": [1e999, "\\u0000"]}, "~": 99999999999999999999}'
    )
    assert {(fault.pointer, fault.code) for fault in faults} == {
        ("/a", "not_a_json_number"),
        ("/b/c~1d", "duplicate_key"),
        ("/b/c~1d/0", "number_out_of_range"),
        ("/b/c~1d/1", "null_character"),
        ("/~0", "integer_out_of_range"),
    }


def test_brackets_in_texts_do_not_count_as_nesting() -> None:
    text = json.dumps({"a": "[" * 50 + '"' + "{" * 50, "b": [[1]]})
    assert depth(text) == 3
    assert explain(text)[1] == []


def test_nesting_is_counted_before_anything_recursive_looks() -> None:
    text = "[" * 200_000
    with pytest.raises(DoubtError):
        scan(text)
    with pytest.raises(UnreadableError, match="nested deeper than 20"):
        explain(text)


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 400_000 + "[[" * 20, '{"a":' * 15 + '"' * 200_001, "[" + "1," * 300_000 + "1]"]
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    begun = time.process_time()
    depth(text)
    with contextlib.suppress(UnreadableError):
        explain(text)
    assert time.process_time() - begun < 20  # one that grows with the square takes minutes


def test_a_repeated_key_among_many_is_found_in_linear_time() -> None:
    text = "{" + ",".join(f'"{number}":1' for number in range(100_000)) + ',"5":2}'
    begun = time.process_time()
    (fault,) = explain(text)[1]
    assert (fault.pointer, fault.code) == ("/5", "duplicate_key")
    assert time.process_time() - begun < 20  # one that grows with the square takes minutes


def test_a_pointer_stays_short() -> None:
    assert pointer("/a", "b/~") == "/a/b~1~0"
    assert len(pointer("", "x" * 10_000)) < 250
