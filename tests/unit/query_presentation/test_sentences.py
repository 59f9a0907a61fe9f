from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.presentation.names import readable, readable_key
from query.presentation.sentences import LONGEST, MORE, Fact, sentence
from query.presentation.values import parse


def facts(properties: dict[str, object], name: str = "plan_upgraded") -> list[Fact]:
    return list(sentence(name, parse(json.dumps(properties))).facts)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plan_upgraded", "Plan upgraded"),
        ("planUpgraded", "Plan upgraded"),
        ("plan.upgraded", "Plan upgraded"),
        ("shop/app:uninstalled", "Shop app uninstalled"),
        ("SSO_enabled", "SSO enabled"),
        ("Plan Upgraded", "Plan Upgraded"),  # prose is left alone
        ("<b>bold</b>", "<b>bold</b>"),
        ("___", "___"),
        ("a", "A"),
        ("תוכנית_שודרגה", "תוכנית שודרגה"),
    ],
)
def test_names_become_readable(name: str, said: str) -> None:
    assert readable(name) == said


def test_keys_become_readable() -> None:
    assert readable_key("mrr_delta") == "mrr delta"
    assert readable_key("orderID") == "order ID"


@given(st.text(min_size=1, max_size=128))
def test_any_name_stays_visible(name: str) -> None:
    assert readable(name)
    assert readable_key(name)


def test_what_changed_comes_first_then_three_more() -> None:
    said = facts({"a": 1, "from_plan": "starter", "to_plan": "pro", "mrr_delta": 50, "c": "x", "d": "y"})
    assert said == [
        Fact("plan", "pro", "starter"),
        Fact("a", "1"),
        Fact("mrr delta", "50"),
        Fact("c", "x"),
    ]


def test_a_pair_needs_both_sides() -> None:
    assert facts({"from_plan": "starter"}) == [Fact("from plan", "starter")]
    assert facts({"from": "a", "to": "b"}) == [Fact("", "b", "a")]


def test_numbers_stay_as_they_were_written() -> None:
    assert sentence("x", parse('{"n": 1.10, "big": 12345678901234567890}')).facts == (
        Fact("n", "1.10"),
        Fact("big", "12345678901234567890"),
    )


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"amount": 79, "currency": "EUR"}, [Fact("amount", "79 EUR")]),
        ({"amount": 79}, [Fact("amount", "79")]),  # no currency beside it: not money
        ({"amount_cents": 7900, "currency": "EUR"}, [Fact("amount cents", "7900"), Fact("currency", "EUR")]),
        ({"attempt": 2, "currency": "EUR"}, [Fact("attempt", "2"), Fact("currency", "EUR")]),
        ({"amount": "79", "currency": "EUR"}, [Fact("amount", "79"), Fact("currency", "EUR")]),
        ({"amount": 79, "currency": "euros"}, [Fact("amount", "79")]),
        ({"from_mrr": 29, "to_mrr": 79, "currency": "USD"}, [Fact("mrr", "79 USD", "29 USD")]),
    ],
)
def test_units_are_never_guessed(properties: dict[str, object], said: list[Fact]) -> None:
    assert facts(properties) == said


def test_what_has_no_short_form_is_left_to_the_open_row() -> None:
    assert facts({"list": [1], "object": {"a": 1}, "none": None, "blank": " ", "on": True, "off": False}) == [
        Fact("on", "yes"),
        Fact("off", "no"),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.text(min_size=1, max_size=40), st.dictionaries(st.text(), json_values, max_size=12))
def test_any_event_makes_a_short_sentence(name: str, properties: dict[str, object]) -> None:
    said = sentence(name, parse(json.dumps(properties)))
    changes = [fact for fact in said.facts if fact.before is not None]
    assert len(said.facts) - len(changes) <= MORE
    longest = max((len(fact.value) for fact in said.facts), default=0)
    assert longest <= LONGEST or not any(isinstance(value, str) for value in properties.values())
