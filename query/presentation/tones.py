"""The tone of an event: does it ask for attention, is it good news, or neither? A word list decides.

The last word of the name that is in a list wins, since English puts the outcome last: `upgrade_failed` asks for
attention, `failed_charge_recovered` is good news. A workspace's catalogue may override it for a name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from query.presentation.names import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from query.catalogue import Catalogue


class Tone(StrEnum):
    """How an event bears on the customer's mood."""

    ATTENTION = "attention"
    POSITIVE = "positive"
    NEUTRAL = "neutral"


ATTENTION: Final = frozenset(
    """
    abandoned aborted blocked bounced breached broken canceled cancelled cancellation chargeback churned crashed
    declined deleted denied deactivated disabled disconnected dispute disputed downgrade downgraded due ended error
    errored escalated exceeded expired fail failed failing failure fraud invalid lapsed locked lost missed overdue
    paused refund refunded rejected restricted revoked stopped suspended terminated timeout unable uninstall
    uninstalled unpaid unsubscribed violation warning
    """.split()  # noqa: SIM905 - a list of words reads best as words
)

POSITIVE: Final = frozenset(
    """
    achieved activated approved converted enabled expanded extended fixed installed launched onboarded paid purchased
    reactivated recovered reinstalled renewed resolved restored resumed signup subscribed succeeded success unblocked
    unlocked upgrade upgraded won
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
"""Routine words (created, sent, completed, started...) are in neither list: what everyone does all day is not news."""


def tone_of(name: str, overrides: Mapping[str, Tone] | None = None) -> Tone:
    """Name an event's tone: what the catalogue says, else what the last listed word of the name says."""
    if overrides and name in overrides:
        return overrides[name]
    for token in reversed(tokens(name)):
        if token in ATTENTION:
            return Tone.ATTENTION
        if token in POSITIVE:
            return Tone.POSITIVE
    return Tone.NEUTRAL


def tone_shown(name: str, catalogue: Catalogue) -> Tone:
    """Name the tone of a recorded name as it is shown: what the catalogue says, else its words, else its alias's."""
    said = catalogue.of(name).tone
    if said in set(Tone):
        return Tone(said)
    tone = tone_of(name)
    return tone if tone is not Tone.NEUTRAL else tone_of(catalogue.shown(name))
