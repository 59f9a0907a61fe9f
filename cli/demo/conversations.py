"""What the contacts worth looking at have written to the demo's helpdesk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cli.demo import stars


@dataclass(frozen=True, slots=True)
class Line:
    """Something said; `minutes` after the conversation began."""

    minutes: int
    text: str
    by_agent: bool = False

    def at(self, began: datetime) -> datetime:
        """Tell when it was said in a conversation that began then."""
        return began + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Conversation:
    """`began` is in minutes before the quarter's end."""

    id: str
    external_id: str
    subject: str
    began: int
    lines: tuple[Line, ...]

    def started_at(self, end: datetime) -> datetime:
        """Tell when it began."""
        return end - timedelta(minutes=self.began)


CONVERSATIONS: Final = (
    Conversation(
        "c-4127",
        stars.UPGRADED,
        "Two charges in one month?",
        14,
        (
            Line(
                0,
                "Hi, I keep the books at Fjord & Fern. This month I find two charges from Shelfwise on our card, "
                "$19.00 and then $35.00 a week later. Were we billed twice?",
            ),
            Line(3, "Hej Maya, thanks for writing! Let me look at what happened on your account.", by_agent=True),
            Line(5, "Thank you. We only ever had the one subscription, as far as I know."),
        ),
    ),
    Conversation(
        "c-4126",
        stars.IN_TROUBLE,
        "Our suppliers can no longer log in",
        52,
        (
            Line(
                0,
                "Hello, since yesterday our suppliers cannot log in to the portal and auto-reorder is switched off. "
                "Nothing was changed on our side.",
            ),
            Line(11, "We have a delivery waiting on this. Could somebody look into it today, please?"),
        ),
    ),
    Conversation(
        "c-4125",
        stars.POWER_USER,
        "Forecast for our New Year sale",
        97,
        (
            Line(
                0,
                "Our hatsuuri sale on 2 January sells five times a usual day. Can we tell the forecast about it, "
                "for all five stores at once?",
            ),
            Line(20, "Hello Haruka, good question. I am asking our forecasting team.", by_agent=True),
        ),
    ),
    Conversation(
        "c-4121",
        stars.NEWCOMER,
        "Import skips a third of my products",
        190,
        (Line(0, "Tried twice now. 640 rows go in and about 210 fail each time. Is it the size column?"),),
    ),
    Conversation(
        "c-4118",
        stars.RETURNER,
        "Is our old data still there?",
        340,
        (
            Line(
                0,
                "We came back because you now have expiry dates. Do we have to count everything again, "
                "or are our old stocktakes still there?",
            ),
        ),
    ),
)
