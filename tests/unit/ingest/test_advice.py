"""Warnings: what is a slip, what is an id, what is another type; and above all what is not."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.advice import MOST_PROPERTIES, MOST_REMEMBERED, WARNING_CODES, Advice
from ingest.events import EventDraft
from ingest.known_names import Known
from ingest.name_ids import find_id
from ingest.near_names import NearNames, is_slip
from ingest.property_types import FEWEST, PropertyTypes, kind, usual_types

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
NOON = datetime(2026, 6, 7, 12, tzinfo=UTC)
COUNTS = {
    "plan_upgraded": 1204,
    "plan_downgraded": 300,
    "order_placed": 5_000,
    "step_1_done": 900,
    "reactivated": 400,
    "provider1_synced": 900,
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("plan_upgarded", "plan_upgraded"),
        ("plan_upgradd", "plan_upgraded"),
        ("plan_upgradeed", "plan_upgraded"),
        ("planupgraded", "plan_upgraded"),
        ("plan_upgraced", "plan_upgraded"),
        ("ordre_placed", "order_placed"),
        ("orders_placed", "order_placed"),
        ("plan_upgraded", None),  # the name itself
        ("plan_downgraded", None),  # another one in use
        ("step_2_done", None),  # a digit tells kinds apart
        ("provider2_synced", None),
        ("deactivated", None),  # so does the beginning of a word
        ("clan_upgraded", None),
        ("invoice_paid", None),
        ("plan_degraded", None),
    ],
)
def test_near_misses(name: str, meant: str | None) -> None:
    assert NearNames(COUNTS).of(name) == meant


def test_a_name_used_often_itself_is_meant() -> None:
    assert NearNames({"plan_upgraded": 100_000, "plan_upgradet": 99}).of("plan_upgradet") == "plan_upgraded"
    assert NearNames({"plan_upgraded": 100_000, "plan_upgradet": 100}).of("plan_upgradet") is None
    assert NearNames({"plan_upgraded": 1_000, "plan_upgradet": 51}).of("plan_upgradet") is None, "a twentieth"
    assert NearNames({"plan_upgraded": 19}).of("plan_upgradet") is None, "nothing to go by"
    assert NearNames({"login": 500, "sms_in": 500}).of("sms_on") is None, "a short word"


NAMES = st.text(string.ascii_lowercase + "_", min_size=5, max_size=20)


@given(
    NAMES, st.integers(0, 19), st.sampled_from(string.ascii_lowercase), st.sampled_from(["drop", "add", "put", "swap"])
)
def test_every_slip_is_found_by_the_index(name: str, place: int, letter: str, slip: str) -> None:
    place %= len(name)
    given_name = {
        "drop": name[:place] + name[place + 1 :],
        "add": name[:place] + letter + name[place:],
        "put": name[:place] + letter + name[place + 1 :],
        "swap": name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
    }[slip]
    expected = name if is_slip(given_name, name) and len(given_name) >= 5 else None
    assert NearNames({name: 1_000}).of(given_name) == expected


@given(NAMES, NAMES)
def test_a_slip_is_one_both_ways_or_none(one: str, other: str) -> None:
    if is_slip(one, other):
        assert abs(len(one) - len(other)) <= 1
        assert one != other


@pytest.mark.parametrize(
    ("name", "id_", "suggestion", "property_"),
    [
        ("order_48213_paid", "48213", "order_paid", "order_id"),
        ("order48213789_paid", "48213789", "order_paid", "order_id"),
        ("Order #482137 Paid", "482137", "order_paid", "order_id"),
        (f"user_{UUID}_login", UUID, "user_login", "user_id"),
        (f"user_{UUID.replace('-', '')}", UUID.replace("-", ""), "user", "user_id"),
        ("deploy_9f1c2ab7_done", "9f1c2ab7", "deploy_done", "deploy_id"),
        ("cart_01hzx3kq9v7m2n4p_left", "01hzx3kq9v7m2n4p", "cart_left", "cart_id"),
        ("4821377", "4821377", None, "id"),
    ],
)  # fmt: skip
def test_an_id_in_a_name(name: str, id_: str, suggestion: str | None, property_: str) -> None:
    assert find_id(name) == (id_, suggestion, property_)


@pytest.mark.parametrize(
    "name",
    [
        "plan_upgraded", "step_2_done", "oauth2_connected", "q3_2026", "q3_2026_closed", "http_404_seen", "v2_enabled",
        "reached_10000_orders", "iso_27001_certified", "sha256_checked", "base64_decoded", "form_1099_sent", "ipv6_on",
        "black_friday_2026_opened", "facade_added", "deadbeef_seen", "feedback_added", "internationalization2_done",
        "a11y_checked", "top_10_reached", "trial_14_days_started", "decade2020_started",
    ],
)  # fmt: skip
def test_numbers_that_are_no_ids(name: str) -> None:
    assert find_id(name) is None


@given(st.text(max_size=128))
def test_any_name_can_be_looked_at(name: str) -> None:
    found = find_id(name)
    assert found is None or found.id in name


SEEN = {
    "mrr_delta": {"number": 1_204, "null": 9_000},
    "plan": {"string": 95, "number": 5},
    "odd": {"string": 5, "number": 5},
    "new": {"string": FEWEST - 1},
    "tags": {"array": 20},
    "card": {"object": 20},
    "yes": {"boolean": 20},
}
TYPES = usual_types([(name, type_, count) for name, of in SEEN.items() for type_, count in of.items()], 100)


@pytest.mark.parametrize(
    ("properties", "others"),
    [
        ({"mrr_delta": 50}, []),
        ({"mrr_delta": 50.5, "plan": "pro", "tags": [1, {"a": []}], "card": {"a": {"b": 1}}, "yes": True}, []),
        ({"mrr_delta": None, "plan": None, "tags": None, "card": None, "yes": None}, []),
        ({"mrr_delta": "50"}, [("mrr_delta", "string")]),
        ({"mrr_delta": True, "plan": 3}, [("mrr_delta", "boolean"), ("plan", "number")]),
        ({"tags": {}, "card": [], "yes": 1}, [("tags", "object"), ("card", "array"), ("yes", "number")]),
        ({"odd": 1, "new": 2, "unknown": 3}, []),
        ({}, []),
    ],
)
def test_types_of_properties(properties: dict[str, Any], others: list[tuple[str, str]]) -> None:
    assert TYPES is not None
    assert [(name, type_) for name, type_, _ in TYPES.others(json.dumps(properties))] == others


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["mrr_delta", "plan", "tags", "card", "yes"]), JSON))
def test_the_quick_check_and_the_slow_one_agree(properties: dict[str, Any]) -> None:
    usual = {"mrr_delta": "number", "plan": "string", "tags": "array", "card": "object", "yes": "boolean"}
    wrong = {name for name, value in properties.items() if kind(value) not in ("null", usual[name])}
    assert isinstance(TYPES, PropertyTypes)
    assert {name for name, _, _ in TYPES.others(json.dumps(properties))} == wrong


class Names:
    """Stands in for the background copy."""

    def __init__(self, known: Known) -> None:
        self.known = known

    def of(self, _: int) -> Known:
        return self.known


def about(known: Known, name: str, properties: str = "{}") -> list[dict[str, Any]]:
    return Advice(Names(known)).about(1, EventDraft(name, NOON, properties))  # type: ignore[arg-type] # all it needs


def test_warnings_have_codes_places_and_sentences() -> None:
    known = Known(COUNTS, NearNames(COUNTS), {"plan_upgraded": TYPES})

    (near,) = about(known, "plan_upgarded")
    assert near == {
        "code": "near_known_name",
        "pointer": "/name",
        "message": "Did you mean plan_upgraded, which this workspace has used 1,204 times?",
        "suggestion": "plan_upgraded",
    }
    (changed,) = about(known, "plan_upgraded", '{"mrr_delta": "50"}')
    assert changed == {
        "code": "property_type_changed",
        "pointer": "/properties/mrr_delta",
        "message": "mrr_delta was a number in all 1,204 events that had it so far, here it is a text.",
    }
    (mixed,) = about(known, "plan_upgraded", '{"plan": 7}')
    assert "was a text in 95 of 100 events" in mixed["message"]
    (held,) = about(known, "order_48213_paid")
    assert (held["code"], held["suggestion"]) == ("id_in_name", "order_paid")
    assert [each["code"] for each in about(known, "Order 48213 Paid")] == ["unconventional_name", "id_in_name"]
    assert about(known, "invoice_paid", '{"mrr_delta": "50"}') == []
    assert about(Known({"order_48213_paid": 100}), "order_48213_paid") == [], "a name used so often is meant"


def test_warnings_are_bounded_in_number() -> None:
    many = usual_types([(f"p{number}", "number", 50) for number in range(40)], 100)
    known = Known({"a": 50}, NearNames({}), {"a": many})

    found = about(known, "a", json.dumps({f"p{number}": "x" for number in range(40)}))

    assert len(found) == MOST_PROPERTIES + 1
    assert (found[-1]["code"], found[-1]["message"][:2]) == ("more_types_changed", "35")
    assert {each["code"] for each in found} <= WARNING_CODES.keys()


def test_what_is_remembered_is_bounded_and_belongs_to_the_caller() -> None:
    known = Known()
    about(known, "Plan Upgraded").clear()
    assert len(about(known, "Plan Upgraded")) == 1
    for number in range(MOST_REMEMBERED + 10):
        about(known, f"name_{number}")
    assert len(known.advice) <= MOST_REMEMBERED
