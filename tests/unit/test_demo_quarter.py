"""The demo's story holds together, and is the same story every time."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cli.demo import plans, stars
from cli.demo.quarter import LENGTH, SHOPS, build_quarter

if TYPE_CHECKING:
    from cli.demo.story import Quarter, ShopStory

END = datetime(2026, 11, 24, 11, tzinfo=UTC)
SUGGESTED = {
    "shop_installed", "shop_uninstalled", "plan_upgraded", "plan_downgraded",
    "trial_started", "trial_ended", "feature_enabled", "charge_failed",
}  # fmt: skip


@pytest.fixture(scope="module")
def quarter() -> Quarter:
    return build_quarter(1, END)


@pytest.fixture(scope="module")
def stories(quarter: Quarter) -> list[ShopStory]:
    return list(quarter.stories.values())


def names(story: ShopStory) -> list[str]:
    return [event.name for event in story.events]


def test_the_same_seed_and_end_tell_the_same_story(quarter: Quarter) -> None:
    assert build_quarter(1, END) == quarter


def test_another_end_gives_other_ids_to_the_same_shops(quarter: Quarter) -> None:
    other = build_quarter(1, END + timedelta(hours=1))
    assert list(other.stories) == list(quarter.stories)
    ids = {event.id for story in quarter.stories.values() for event in story.events}
    assert not ids & {event.id for story in other.stories.values() for event in story.events}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("end", [END, datetime(2027, 4, 1, 0, tzinfo=UTC)])
def test_it_is_about_five_thousand_events_of_two_hundred_shops(seed: int, end: datetime) -> None:
    quarter = build_quarter(seed, end)
    assert len(quarter.stories) == SHOPS == 200
    assert 4_400 < quarter.event_count < 5_800
    assert {event.name for story in quarter.stories.values() for event in story.events} >= SUGGESTED


def test_every_event_lies_within_the_quarter(stories: list[ShopStory]) -> None:
    for story in stories:
        assert story.events, story.shop
        for event in story.events:
            assert END - LENGTH <= event.occurred_at <= event.sent_at <= END


def test_ids_are_accepted_and_used_once(stories: list[ShopStory]) -> None:
    ids = [story.creation_id for story in stories]
    ids += [event.id for story in stories for event in story.events]
    ids += [change.id for story in stories for change in story.changes]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", id_) for id_ in ids)


def test_contacts_have_reserved_domains_and_distinct_names(stories: list[ShopStory]) -> None:
    assert all(re.fullmatch(r"[a-z-]+@[a-z0-9-]+\.example", story.shop.email) for story in stories)
    assert len({story.shop.email for story in stories}) == SHOPS
    assert len({story.shop.owner for story in stories}) == SHOPS


def test_nothing_happens_to_a_shop_that_has_left(stories: list[ShopStory]) -> None:
    left = 0
    for story in stories:
        for event, following in pairwise(names(story)):
            if event == "shop_uninstalled":
                left += 1
                assert following == "shop_installed"
    assert left, "no shop comes back, so nothing was checked"


def test_a_trial_comes_before_the_plan_it_turns_into(stories: list[ShopStory]) -> None:
    for story in stories:
        trial = None
        for event in story.events:
            if event.name == "trial_started":
                trial = event
            elif event.name == "trial_ended":
                assert trial is not None
                assert event.sent_at - trial.sent_at == pytest.approx(timedelta(days=14), abs=timedelta(minutes=10))
            elif event.name == "plan_upgraded" and event.properties["from_plan"] == "trial":
                assert "trial_ended" in names(story)


def test_plan_changes_form_a_chain_and_end_where_custom_data_says(stories: list[ShopStory]) -> None:
    for story in stories:
        plan = story.initial_data["plan"]
        for event in story.events:
            if event.name in {"plan_upgraded", "plan_downgraded"}:
                old, new = str(event.properties["from_plan"]), str(event.properties["to_plan"])
                assert old == plan, story.shop
                delta = plans.PRICES[new] - plans.PRICES.get(old, 0)
                assert event.properties["mrr_delta"] == delta
                assert event.properties["currency"] == "USD"
                assert (delta > 0) == (event.name == "plan_upgraded")
                plan = new
            elif event.name in {"trial_started", "shop_uninstalled"}:
                plan = "trial" if event.name == "trial_started" else "none"
            elif event.name == "trial_ended" and event.properties["outcome"] == "expired":
                plan = "free"
        assert story.final_data["plan"] == plan
        assert story.final_data["mrr"] == plans.PRICES.get(str(plan), 0)


def test_enabled_features_are_those_of_the_custom_data(stories: list[ShopStory]) -> None:
    for story in stories:
        features = set(story.initial_data.get("features") or [])  # type: ignore[arg-type]
        for event in story.events:
            if event.name == "feature_enabled":
                features.add(event.properties["feature"])
            elif event.name == "feature_disabled":
                features.discard(event.properties["feature"])
            elif event.name == "shop_uninstalled":
                features.clear()
        assert set(story.final_data.get("features") or []) == features, story.shop  # type: ignore[arg-type]


def test_after_a_failed_charge_comes_another_attempt_or_a_consequence(stories: list[ShopStory]) -> None:
    failed = 0
    for story in stories:
        following = [event for event in story.events if event.name.startswith(("charge_", "plan_", "shop_un"))]
        for event, then in pairwise(following):
            if event.name == "charge_failed":
                failed += 1
                if then.name.startswith("charge_"):
                    assert then.properties["invoice"] == event.properties["invoice"]
                    assert then.properties["attempt"] == int(str(event.properties["attempt"])) + 1
    assert failed > 10


def test_some_events_are_sent_long_after_they_happened(stories: list[ShopStory]) -> None:
    late = [e for story in stories for e in story.events if e.sent_at - e.occurred_at > timedelta(days=1)]
    assert 10 < len(late) < 200


def test_people_work_on_weekdays_and_by_day_in_their_own_zone(stories: list[ShopStory]) -> None:
    ordered = [e.occurred_at for story in stories for e in story.events if e.name == "purchase_order_sent"]
    weekdays = Counter(moment.weekday() for moment in ordered)
    assert min(weekdays[day] for day in range(5)) > 1.5 * max(weekdays[5], weekdays[6])
    night = sum(moment.hour < 6 for moment in ordered)
    assert night < 0.06 * len(ordered)
    assert len({moment.utcoffset() for moment in ordered}) > 8


def test_features_are_enabled_in_bursts(stories: list[ShopStory]) -> None:
    bursts = 0
    for story in stories:
        days = Counter(event.occurred_at.date() for event in story.events if event.name == "feature_enabled")
        bursts += sum(count >= 4 for count in days.values())
    assert bursts > 30


def test_the_upgraded_shop_upgraded_two_days_ago(quarter: Quarter) -> None:
    story = quarter.stories[stars.UPGRADED]
    last = [event for event in story.events if event.name == "plan_upgraded"][-1]
    assert timedelta(days=2) < END - last.occurred_at < timedelta(days=2, hours=1)
    assert last.properties["from_plan"] == "starter"
    assert last.properties["to_plan"] == "pro"
    assert last.properties["mrr_delta"] == 50
    # The sidebar shows three events from before the conversation: they must be those that answer its question.
    assert names(story)[-3:] == ["usage_limit_reached", "plan_upgraded", "charge_succeeded"]


def test_the_shop_in_trouble_failed_to_pay_three_times_and_fell_to_free(quarter: Quarter) -> None:
    story = quarter.stories[stars.IN_TROUBLE]
    assert names(story).count("charge_failed") == 3
    assert names(story).index("plan_downgraded") > names(story).index("charge_failed")
    assert story.final_data["plan"] == "free"
    assert story.final_data["billing"] == "past_due"


def test_the_power_user_fills_pages(quarter: Quarter) -> None:
    story = quarter.stories[stars.POWER_USER]
    assert len(story.events) > 110
    days = Counter(event.occurred_at.date() for event in story.events if event.name == "feature_enabled")
    assert sum(count >= 4 for count in days.values()) >= 4
