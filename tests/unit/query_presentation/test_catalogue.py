"""The catalogue's lines: near-duplicates, trends, drift, commands that are safe to paste; templates and tones."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.catalogue import Catalogue, NameSettings
from query.event_names import EventName, NameDay, PropertyType
from query.presentation.catalogue import alike, curl_command, matching, name_lines, property_lines, set_command
from query.presentation.catalogue import settings_of as catalogue_of
from query.presentation.events import Reader
from query.presentation.near_names import groups, near, normal
from query.presentation.sentences import Fact, filled, sentence
from query.presentation.tones import Tone, tone_shown
from query.presentation.trends import trend
from query.presentation.values import parse

NOW = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
READER = Reader(ZoneInfo("Europe/Berlin"), NOW)
DAY = timedelta(days=1)


def event_name(name: str, count: int = 1, **said: Any) -> EventName:  # noqa: ANN401 - settings
    nothing = {"description": None, "alias": None, "hidden": False, "pinned": False, "template": None, "tone": None}
    return EventName(name, count, NOW - DAY, NOW, 2, 90, **(nothing | {"archived": False} | said))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("plan_upgraded", "Plan Upgraded", True),
        ("plan_upgraded", "planUpgraded", True),
        ("plan_upgraded", "plan_upgarded", True),  # two swapped
        ("plan_upgraded", "plan_upgradd", True),  # one missing
        ("plan_upgraded", "plan_upgradeed", True),  # one too many
        ("plan_upgraded", "plan_upgroded", True),  # one wrong
        ("plan_upgraded", "plan_downgraded", False),
        ("feature_enabled", "feature_disabled", False),
        ("step_1_done", "step_2_done", False),
        ("step_1_done", "step_11_done", False),
        ("paid", "said", False),  # too short to tell
        ("café_opened", "cafe_opened", True),
        ("🎉", "🎈", False),
    ],
)
def test_near_names(one: str, other: str, expected: bool) -> None:  # noqa: FBT001 - a case
    assert near(normal(one), normal(other)) is expected
    assert near(normal(other), normal(one)) is expected
    assert groups([one, other]) == ([[one, other]] if expected else [])


@given(st.lists(st.text("abc_", min_size=5, max_size=8), unique=True, max_size=7))
def test_the_short_way_finds_what_comparing_all_finds(names: list[str]) -> None:
    group_of = {name: number for number, group in enumerate(groups(names)) for name in group}
    for one, other in permutations(names, 2):
        if near(normal(one), normal(other)):
            assert group_of[one] == group_of[other]


def test_near_duplicates_stand_side_by_side_until_they_are_one() -> None:
    found = [event_name("plan_upgraded", 1204), event_name("Plan Upgraded", 3), event_name("plan_upgarded", 2)]
    (group,) = alike(name_lines(found, [], READER), catalogue_of(found))
    assert [(line.name, line.count) for line in group.lines] == [
        ("plan_upgraded", 1204),
        ("Plan Upgraded", 3),
        ("plan_upgarded", 2),
    ]
    assert group.command.splitlines() == [
        "contact-events event-names set --alias plan_upgraded 'Plan Upgraded'",
        "contact-events event-names set --alias plan_upgraded plan_upgarded",
    ]
    found[1] = event_name("Plan Upgraded", 3, archived=True)
    found[2] = event_name("plan_upgarded", 2, alias="plan_upgraded")
    assert alike(name_lines(found, [], READER), catalogue_of(found)) == []


def test_lines_pinned_first_then_the_most_frequent_and_a_search_over_them() -> None:
    found = [
        event_name("login", 50),
        event_name("order_synced", 9, pinned=True, alias="Order came in"),
        event_name("trial_ended", 70, description="The trial is over", tone="neutral"),
    ]
    lines = name_lines(found, [NameDay("login", NOW.date(), 5)], READER)
    assert [(line.name, line.title) for line in lines] == [
        ("order_synced", "Order came in"),
        ("trial_ended", "Trial ended"),
        ("login", "Login"),
    ]
    assert lines[0].marks == ("shown as Order came in", "pinned")
    assert lines[1].tone is Tone.NEUTRAL
    assert lines[2].trend.summary == "5 in the last 12 weeks; 5 in the last 7 days, 0 in the 7 before"
    assert [line.name for line in matching(lines, "TRIAL over")] == ["trial_ended"]
    assert [line.name for line in matching(lines, "came")] == ["order_synced"]


def test_a_trend_counts_what_falls_into_it() -> None:
    today = date(2026, 11, 24)
    drawn = trend({today: 3, today - 6 * DAY: 1, today - 7 * DAY: 8, today - 84 * DAY: 99}, today, days=7, slots=12)
    assert [(bar.x, bar.title) for bar in drawn.bars] == [
        (10, "11 Nov to 17 Nov: 8 events"),
        (11, "18 Nov to 24 Nov: 4 events"),
    ]
    assert trend({}, today, days=1, slots=90).summary == "0 in the last 90 days"


def test_a_property_of_two_types_has_drifted_and_null_alone_is_no_drift() -> None:
    found = [
        PropertyType("x", "mrr", "number", 80, NOW - 9 * DAY, NOW),
        PropertyType("x", "mrr", "string", 3, NOW - 2 * DAY, NOW),
        PropertyType("x", "plan", "string", 99, NOW - 9 * DAY, NOW),
        PropertyType("x", "plan", "null", 1, NOW - 9 * DAY, NOW),
    ]
    plan, mrr = property_lines(found, 100, READER)
    assert (plan.key, plan.drifted, mrr.key, mrr.drifted) == ("plan", False, "mrr", True)
    assert [(one.type, one.share, one.since and one.since.text) for one in mrr.types] == [
        ("number", "80 %", None),
        ("string", "3 %", "2 days ago"),
    ]


@given(st.text(min_size=1, max_size=40))
def test_commands_are_safe_to_paste(name: str) -> None:
    words = shlex.split(set_command(name, ["--alias", name]))
    assert words[:5] == ["contact-events", "event-names", "set", "--alias", name]
    assert words[-1] == name
    curl = shlex.split(curl_command("http://x", name, {"description": name}).replace("\\\n", ""))
    assert unquote(curl[3].partition("/event-names/")[2]) == name
    assert json.loads(curl[-1]) == {"description": name}


PROPERTIES = (
    '{"from": "a", "to": "b", "n": 1.50, "yes": true, "none": null, "list": [1], "card": {"brand": "visa"}, "a.b": 1}'
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{from} → {to}", "a → b"),
        ("{n} EUR, {yes}", "1.50 EUR, yes"),
        ("{{{from}}}", "{a}"),
        ("{card.brand} {a.b}", "visa 1"),
        ("no properties", "no properties"),
        ("{missing}", None),
        ("{none}", None),
        ("{list}", None),
        ("{card}", None),
        ("{card.brand.x}", None),
        ("{broken", None),
    ],
)
def test_a_template_is_filled_or_the_ordinary_line_stands(template: str, text: str | None) -> None:
    properties = parse(PROPERTIES)
    assert filled(template, properties) == text
    said = sentence("plan_upgraded", properties, template)
    assert said.title == "Plan upgraded"
    assert said.facts == ((Fact("", text),) if text else sentence("plan_upgraded", properties).facts)


def test_a_template_guesses_no_currency() -> None:
    assert filled("{amount}", parse('{"amount": 5, "currency": "EUR"}')) == "5"


@pytest.mark.parametrize(
    ("name", "said", "tone"),
    [
        ("plan_upgraded", {}, Tone.POSITIVE),
        ("plan_upgraded", {"tone": "attention"}, Tone.ATTENTION),
        ("plan_upgraded", {"tone": "loud"}, Tone.POSITIVE),  # a raw producer's
        ("chg_ko", {"alias": "Charge failed"}, Tone.ATTENTION),
        ("charge_failed", {"alias": "Payment renewed"}, Tone.ATTENTION),
    ],
)
def test_tones_as_they_are_shown(name: str, said: dict[str, Any], tone: Tone) -> None:
    assert tone_shown(name, Catalogue([NameSettings(name, **said)])) is tone
