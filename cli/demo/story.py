"""What the demo's story is made of: shops, what happened to them, and how their custom data changed. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Data: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class Shop:
    """A contact: the shop's owner, known to the app by the shop's number."""

    external_id: str
    owner: str
    email: str
    title: str
    domain: str
    country: str
    city: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """A contact event. `sent_at` is after `occurred_at` where the app was late to send it."""

    id: str
    name: str
    occurred_at: datetime
    sent_at: datetime
    properties: Data


@dataclass(frozen=True, slots=True)
class Change:
    """A change of custom data as a JSON merge patch; `id` is its Idempotency-Key."""

    id: str
    at: datetime
    custom_data: Data


@dataclass(frozen=True, slots=True)
class ShopStory:
    """One shop's quarter: the contact as first created, then events (oldest first) and changes (oldest first)."""

    shop: Shop
    creation_id: str
    initial_data: Data
    events: Sequence[StoryEvent]
    changes: Sequence[Change]

    @property
    def final_data(self) -> Data:
        """The custom data once all changes are applied; the demo's patches are flat."""
        data = dict(self.initial_data)
        for change in self.changes:
            data |= change.custom_data
        return {key: value for key, value in data.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Quarter:
    """All shops by external id, in a fixed order; nothing in it happened after `end`."""

    end: datetime
    stories: Mapping[str, ShopStory]

    @property
    def event_count(self) -> int:
        """How many events there are in all."""
        return sum(len(story.events) for story in self.stories.values())
