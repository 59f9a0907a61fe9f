"""A shop's diary: takes down what happens and how custom data changes, and gives out the finished story."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cli.demo.story import Change, Data, Shop, ShopStory, StoryEvent

if TYPE_CHECKING:
    from datetime import datetime

_CHANGES_TOGETHER: Final = timedelta(days=5)
"""The app sends a change of custom data at once when there was none for this long; else the changes join the last."""


class Diary:
    """Entries may come in any order of time; ids count them in order of time, so they are the same on every run."""

    def __init__(self, shop: Shop, end: datetime, initial_data: Data) -> None:
        self.shop = shop
        self._end = end
        self._initial = initial_data
        self._events: list[tuple[datetime, int, str, Data, timedelta]] = []
        self._changes: list[tuple[datetime, int, Data]] = []

    def happened(self, when: datetime, name: str, properties: Data, sent_after: timedelta = timedelta()) -> None:
        """Take down an event; what lies after the end has not happened yet."""
        if when + sent_after <= self._end:
            moment = when.replace(microsecond=0)
            self._events.append((moment, len(self._events), name, properties, sent_after))

    def changed(self, when: datetime, custom_data: Data) -> None:
        """Take down a change of custom data; None removes a key."""
        if when <= self._end:
            self._changes.append((when, len(self._changes), custom_data))

    def story(self) -> ShopStory:
        """Put it all in order."""
        prefix = f"{self.shop.external_id}.{self._end:%Y%m%dT%H}"
        events = [
            StoryEvent(f"{prefix}.e{number:04}", name, when.astimezone(self.shop.zone), when + delay, properties)
            for number, (when, _, name, properties, delay) in enumerate(sorted(self._events, key=_order), start=1)
        ]
        changes = [
            Change(f"{prefix}.c{number:03}", when, data) for number, (when, data) in enumerate(self._merged(), 1)
        ]
        return ShopStory(self.shop, f"{prefix}.created", self._initial, events, changes)

    def _merged(self) -> list[tuple[datetime, Data]]:
        merged: list[tuple[datetime, Data]] = []
        began = self._end
        for when, _, data in sorted(self._changes, key=_order):
            if merged and when - began < _CHANGES_TOGETHER:
                merged[-1] = (when, merged[-1][1] | data)
            else:
                began = when
                merged.append((when, data))
        return merged


def _order(entry: tuple[datetime, int, *tuple[object, ...]]) -> tuple[datetime, int]:
    return entry[0], entry[1]
