from __future__ import annotations

import re
from pathlib import Path

import pytest

from query.presentation.tones import ATTENTION, POSITIVE, Tone, tone_of


@pytest.mark.parametrize(
    ("name", "tone"),
    [
        ("charge_failed", Tone.ATTENTION),
        ("shop_uninstalled", Tone.ATTENTION),
        ("plan_downgraded", Tone.ATTENTION),
        ("trial_ended", Tone.ATTENTION),
        ("card_declined", Tone.ATTENTION),
        ("subscriptionCancelled", Tone.ATTENTION),
        ("sync.error", Tone.ATTENTION),
        ("plan_upgraded", Tone.POSITIVE),
        ("shop_installed", Tone.POSITIVE),
        ("charge_succeeded", Tone.POSITIVE),
        ("subscription_renewed", Tone.POSITIVE),
        ("feature_enabled", Tone.POSITIVE),
        ("trial_started", Tone.NEUTRAL),
        ("order_synced", Tone.NEUTRAL),
        ("failover_completed", Tone.NEUTRAL),  # whole words only
        ("upgrade_failed", Tone.ATTENTION),  # the last word decides
        ("failed_charge_recovered", Tone.POSITIVE),
        ("", Tone.NEUTRAL),
    ],
)
def test_the_last_listed_word_gives_the_tone(name: str, tone: Tone) -> None:
    assert tone_of(name) is tone


def test_the_catalogue_overrides() -> None:
    assert tone_of("trial_ended", {"trial_ended": Tone.NEUTRAL}) is Tone.NEUTRAL
    assert tone_of("charge_failed", {"trial_ended": Tone.NEUTRAL}) is Tone.ATTENTION


def test_no_word_is_in_both_lists_and_all_are_single_lower_case_words() -> None:
    assert not ATTENTION & POSITIVE
    assert all(word.isalpha() and word.islower() for word in ATTENTION | POSITIVE)


def test_the_published_lists_are_these() -> None:
    published = (Path(__file__).parents[3] / "docs" / "pages.md").read_text(encoding="utf-8")
    for name, words in (("attention", ATTENTION), ("good news", POSITIVE)):
        row = re.search(rf"^\| {name} \| (.*) \|$", published, re.MULTILINE)
        assert row is not None
        assert set(row[1].split()) == words
