"""Sends the quarter the way the app would have: contacts first, then week by week the changes and events of that week.

Doing it all again does no harm: every write carries an id that depends on the story alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from cli.demo.api import Answer, Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.demo.story import Change, Quarter, ShopStory, StoryEvent

BATCH: Final = 500
THREADS: Final = 8
WEEK: Final = timedelta(days=7)


@dataclass(slots=True)
class Sent:
    """What came of it; keys are external ids. `before` and `after` count the events on each timeline."""

    contact_ids: dict[str, int] = field(default_factory=dict)
    created: int = 0
    changes: int = 0
    accepted: int = 0
    positions: dict[str, str] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    @property
    def new_events(self) -> int:
        """How many events were not on a timeline before."""
        return sum(self.after.values()) - sum(self.before.values())

    @property
    def duplicates(self) -> int:
        """How many accepted events were on a timeline already."""
        return self.accepted - self.new_events


class Sending:
    """Sends one quarter. A contact that was there before `began` is not new, whatever a repeated creation answers."""

    def __init__(self, api: Api, quarter: Quarter, began: datetime) -> None:
        self._api = api
        self._stories = list(quarter.stories.values())
        self._end = quarter.end
        self._began = began
        self._step: Callable[[int], None] = lambda _: None
        self._sent = Sent()

    @property
    def total(self) -> int:
        """How many requests and events `run` does."""
        return sum(3 + len(story.changes) + len(story.events) for story in self._stories)

    def run(self, step: Callable[[int], None]) -> Sent:
        """Send everything, and return when every timeline shows it.

        `step` is called with the number of requests or events just done; they add up to `total`.
        """
        self._step = step
        with ThreadPoolExecutor(THREADS) as threads:
            for external_id, answer in threads.map(self._create, self._stories):
                self._sent.contact_ids[external_id] = answer.body["id"]
                self._sent.positions[external_id] = answer.body["position"]
                self._step(1)
            contacts = self._look_at_all(threads)
            self._sent.created = sum(
                datetime.fromisoformat(each["created_at"]) >= self._began for each in contacts.values()
            )
            self._sent.before = {external_id: each["event_count"] for external_id, each in contacts.items()}
            for changes, events, size in _periods(self._stories, self._end):
                for external_id, count, answer in threads.map(self._change, changes):
                    self._sent.positions[external_id] = answer.body["position"]
                    self._sent.changes += count
                    self._step(count)
                for first in range(0, len(events), size):
                    self._send_events(events[first : first + size])
            contacts = self._look_at_all(threads)
            self._sent.after = {external_id: each["event_count"] for external_id, each in contacts.items()}
        return self._sent

    def _create(self, story: ShopStory) -> tuple[str, Answer]:
        shop = story.shop
        body = {
            "external_id": shop.external_id,
            "email": shop.email,
            "name": shop.owner,
            "custom_data": story.initial_data,
        }
        return shop.external_id, self._api.write("POST", "/api/v1/contacts", body, story.creation_id)

    def _change(self, of_one_shop: tuple[ShopStory, list[Change]]) -> tuple[str, int, Answer]:
        """Send a shop's changes one after the other, since the later one must win."""
        story, changes = of_one_shop
        external_id = story.shop.external_id
        for change in changes:
            body = {"external_id": external_id, "custom_data": change.custom_data}
            answer = self._api.write("POST", "/api/v1/contacts", body, change.id)
        return external_id, len(changes), answer

    def _look_at_all(self, threads: ThreadPoolExecutor) -> dict[str, dict[str, Any]]:
        """Read every contact, once its timeline shows all that was sent."""
        contacts = {}
        for external_id, contact in threads.map(self._look_at, self._stories):
            contacts[external_id] = contact
            self._step(1)
        return contacts

    def _look_at(self, story: ShopStory) -> tuple[str, dict[str, Any]]:
        external_id = story.shop.external_id
        path = f"/api/v1/contacts/{self._sent.contact_ids[external_id]}"
        return external_id, self._api.get(path, position=self._sent.positions[external_id]).body

    def _send_events(self, events: list[tuple[ShopStory, StoryEvent]]) -> None:
        bodies = [event_body(event, self._sent.contact_ids[story.shop.external_id]) for story, event in events]
        for (story, _), item in zip(events, self._api.write_batch(bodies), strict=True):
            if item["status"] != "accepted":
                raise ApiError(f"The API rejected an event of the demo: {item}")
            self._sent.positions[story.shop.external_id] = item["position"]
        self._sent.accepted += len(events)
        self._step(len(events))


def event_body(event: StoryEvent, contact_id: int) -> dict[str, Any]:
    """Write an event as the batch endpoint takes it, with its time in the shop's own offset."""
    return {
        "id": event.id,
        "contact_id": contact_id,
        "name": event.name,
        "occurred_at": event.occurred_at.isoformat(),
        "properties": event.properties,
    }


Period = tuple[list[tuple["ShopStory", "list[Change]"]], list[tuple["ShopStory", "StoryEvent"]], int]


def _periods(stories: list[ShopStory], end: datetime) -> list[Period]:
    """Cut the quarter by when the app sent things: its changes shop by shop, its events in order, how many at once.

    The last day goes event by event, as an app sends them while they happen: so who was active last is seen as such.
    """
    first = min(moment for story in stories for moment in _moments(story))
    bounds = [end + timedelta(microseconds=1), end - timedelta(days=1)]
    while bounds[-1] > first:
        bounds.append(bounds[-1] - WEEK)
    periods: list[Period] = []
    for until, since in pairwise(bounds):
        changes = [(story, [change for change in story.changes if since <= change.at < until]) for story in stories]
        events = [(story, event) for story in stories for event in story.events if since <= event.sent_at < until]
        size = BATCH if periods else 1
        periods.append(([shop for shop in changes if shop[1]], sorted(events, key=lambda pair: pair[1].sent_at), size))
    return periods[::-1]


def _moments(story: ShopStory) -> list[datetime]:
    return [change.at for change in story.changes] + [event.sent_at for event in story.events]
