"""What is counted of a name's properties: whatever the batches, whatever is taken out again, and never too much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.stretches import (
    LONGEST,
    MOST,
    STRETCH,
    Occurrence,
    Stretch,
    StretchKey,
    add_groups,
    group_events,
)
from tests.integration.projector.conftest import T0

KEY = StretchKey(0, 1, "plan_upgraded", 0)


def event(offset: int, properties: str, seconds: int = 0) -> Occurrence:
    return Occurrence(0, offset, 1, "plan_upgraded", T0 + timedelta(seconds=seconds or offset), properties)


def fold(*batches: list[Occurrence]) -> dict[StretchKey, Stretch]:
    known: dict[StretchKey, Stretch] = {}
    for batch in batches:
        known |= add_groups(known, group_events(batch))
    return known


def types(*properties: str) -> dict[tuple[str, str], int]:
    stretch = fold([event(offset, text) for offset, text in enumerate(properties)])[KEY]
    return {pair: seen.count for pair, seen in stretch.seen.items()}


def test_every_type() -> None:
    text = '{"s":"x","i":1,"f":1.5,"t":true,"o":{"p":[]},"a":[{}],"n":null}'
    kinds = {"s": "string", "i": "number", "f": "number", "t": "boolean", "o": "object", "a": "array", "n": "null"}
    assert types(text) == dict.fromkeys(kinds.items(), 1)


def test_drift_is_told_by_type_and_time() -> None:
    stretch = fold([event(1, '{"mrr_delta":50}'), event(5, '{"mrr_delta":51}'), event(9, '{"mrr_delta":"50"}')])[KEY]
    number, string = stretch.seen["mrr_delta", "number"], stretch.seen["mrr_delta", "string"]
    assert (number.count, number.first, number.last) == (2, T0 + timedelta(seconds=1), T0 + timedelta(seconds=5))
    assert (string.count, string.first) == (1, T0 + timedelta(seconds=9))


def test_sizes_are_bytes() -> None:
    stretch = fold([event(1, '{"k":"e"}'), event(2, '{"k":"Größe"}'), event(3, '{"k":""}'), event(4, "{}")])[KEY]
    assert (stretch.smallest, stretch.largest) == (2, len('{"k":"Größe"}'.encode()))


def test_at_most_so_many_properties_are_itemised_and_the_others_are_counted() -> None:
    stretch = fold([event(number, f'{{"id_{number:05}":1,"plan":"pro"}}') for number in range(1_000)])[KEY]
    assert {name for name, _ in stretch.seen} == {"plan", *(f"id_{number:05}" for number in range(MOST - 1))}
    assert stretch.seen["plan", "string"].count == 1_000
    assert stretch.others == 1_000 - (MOST - 1)


def test_one_event_with_too_many_properties_gets_the_first_of_them() -> None:
    text = "{" + ",".join(f'"k{number:03}":1' for number in range(MOST + 20)) + "}"
    stretch = fold([event(1, text)])[KEY]
    assert {name for name, _ in stretch.seen} == {f"k{number:03}" for number in range(MOST)}
    assert stretch.others == 20


def test_what_is_itemised_may_change_its_type_when_there_are_others() -> None:
    events = [event(number, f'{{"id_{number}":1}}') for number in range(MOST + 5)]
    stretch = fold(events, [event(999, '{"id_0":"x"}')])[KEY]
    assert stretch.seen["id_0", "string"].count == 1
    assert stretch.others == 5


def test_each_stretch_begins_anew() -> None:
    found = fold([event(STRETCH - 1, '{"a":1}'), event(STRETCH, '{"b":1}')])
    assert [(key.stretch, list(stretch.seen)) for key, stretch in found.items()] == [
        (0, [("a", "number")]),
        (1, [("b", "number")]),
    ]


@pytest.mark.parametrize(
    "properties",
    [
        '{"' + "k" * (LONGEST + 1) + '":1}',
        '{"k":' + "[" * 300 + "]" * 300 + "}",
        '{"k":"\\ud800"}',
    ],
)
def test_what_cannot_be_itemised_is_counted(properties: str) -> None:
    stretch = fold([event(1, properties)])[KEY]
    assert (stretch.count, stretch.others, stretch.seen) == (1, 1, {})


def test_numbers_beyond_every_float_are_numbers() -> None:
    assert types('{"a":1e999,"b":-1}', '{"a" : 123456789012345678901234567890 }') == {
        ("a", "number"): 2,
        ("b", "number"): 1,
    }


def test_depth_is_what_counts_not_the_stack_of_the_moment() -> None:
    text = '{"k":' + "[" * 190 + "]" * 190 + "}"

    def deeper(levels: int) -> dict[tuple[str, str], int]:
        return deeper(levels - 1) if levels else types(text)

    assert types(text) == deeper(500) == {("k", "array"): 1}


many = ["{" + ",".join(f'"{letter}{number}":1' for number in range(60)) + "}" for letter in "xyz"]


def test_where_there_are_others_the_survivors_say_who_comes_in() -> None:
    texts = ["{}", '{"first":1}', *(f'{{"id_{number:09}":1}}' for number in range(MOST + 1))]
    events = [event(offset, text) for offset, text in enumerate(texts)]
    assert not fold(events)[KEY].subtract(group_events([events[1]])[KEY])


properties = st.sampled_from(
    [
        "{}",
        '{"a":1}',
        '{"a":"x","b":1}',
        '{"b":true,"a":null}',
        *many,
        *(f'{{"id_{number}":{number}}}' for number in range(30)),
    ]
)


@given(st.lists(properties, min_size=1, max_size=60), st.lists(st.integers(1, 20), min_size=1, max_size=4))
def test_batches_make_no_difference(texts: list[str], sizes: list[int]) -> None:
    events = [event(offset, text, 1 + offset * 7 % 11) for offset, text in enumerate(texts)]
    batches: list[list[Occurrence]] = []
    remaining = list(events)
    while remaining:
        size = sizes[len(batches) % len(sizes)]
        batches.append(remaining[:size])
        remaining = remaining[size:]
    assert fold(*batches) == fold(events)


@given(st.lists(properties, min_size=1, max_size=40), st.data())
def test_subtracting_is_exact_or_declines(texts: list[str], data: st.DataObject) -> None:
    events = [event(offset, text, 1 + offset * 7 % 11) for offset, text in enumerate(texts)]
    gone = data.draw(st.sets(st.sampled_from(events), min_size=1))
    left = fold(events)[KEY]
    if left.subtract(group_events(sorted(gone))[KEY]):
        survivors = [one for one in events if one not in gone]
        expected = fold(survivors)[KEY] if survivors else Stretch()
        assert (left.count, left.others, left.seen) == (expected.count, expected.others, expected.seen)
        assert not survivors or (left.smallest, left.largest) == (expected.smallest, expected.largest)
