"""Callers that never give up: each sends its contacts' events in steps, again and again with the same ids until 2xx."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3

from tests.drill.audit import Accepted, EventKey

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 100
TRICKLE = 10
"""Events at a time for a caller that is ahead of the schedule of faults: there is load until the last of them."""
NAMES = ("plan_upgraded", "plan_downgraded", "trial_started", "trial_ended", "feature_enabled", "charge_failed")


@dataclass
class Ledger:
    """What callers know: ids sent, ids answered with 2xx, ids whose erasure was answered with 2xx."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    accepted: list[Accepted] = field(default_factory=list)
    sent: set[EventKey] = field(default_factory=set)
    erased: set[EventKey] = field(default_factory=set)
    rejected: list[Any] = field(default_factory=list)
    attempts: int = 0
    failures: int = 0


class Caller(threading.Thread):
    """One caller with contacts of its own. Some events are sent again later, some with other content, some erased."""

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        contacts: list[int],
        events: int,
        seed: int,
        ledger: Ledger,
        pace: float = 0.0,
        schedule: Callable[[], float] = lambda: 1.0,
    ) -> None:
        super().__init__(name=f"caller-{seed}", daemon=True)
        self._url = url
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._contacts = contacts
        self._events = events
        self._random = random.Random(seed)
        self._seed = seed
        self._ledger = ledger
        self._pace = pace
        self._schedule = schedule
        self._http = urllib3.PoolManager(maxsize=1, retries=False, timeout=urllib3.Timeout(connect=2, read=12))

    def run(self) -> None:
        """Send all of it, and more where that is needed to keep going until the faults are over."""
        sent: list[dict[str, Any]] = []
        done = 0
        for step in itertools.count():
            share = self._schedule()
            if done >= self._events and share >= 1:
                return
            ahead = done > self._events * share
            fresh = [self._event(step, number) for number in range(TRICKLE if ahead else BATCH)]
            done += len(fresh)
            with self._ledger.lock:
                self._ledger.sent.update((event["contact_id"], event["id"]) for event in fresh)
            self._deliver(fresh)
            with self._ledger.lock:
                self._ledger.accepted += [Accepted(event["contact_id"], event["id"], step) for event in fresh]
            sent = (sent + self._random.sample(fresh, len(fresh) // 20 or 1))[-500:]
            self._disturb(sent)
            time.sleep(max(self._pace, 0.3) if ahead else self._pace)

    def _event(self, step: int, number: int) -> dict[str, Any]:
        return {
            "contact_id": self._random.choice(self._contacts),
            "id": f"c{self._seed}-{step}-{number}",
            "name": self._random.choice(NAMES),
            "occurred_at": f"2026-06-{self._random.randint(1, 28):02}T10:{number % 60:02}:00Z",
            "properties": {"step": step, "number": number, "text": "a few words of no meaning"},
        }

    def _disturb(self, sent: list[dict[str, Any]]) -> None:
        """Send something of before once more: the same, or changed; or erase it, and send it after all."""
        event = self._random.choice(sent)
        dice = self._random.random()
        if dice < 0.1:
            self._deliver([event])
        elif dice < 0.15:
            self._deliver([event | {"properties": {"changed": True}}])
        elif dice < 0.17:
            self._erase(event)
            self._deliver([event])

    def _deliver(self, events: list[dict[str, Any]]) -> None:
        waiting = events
        while waiting:
            answer = self._request("POST", "/api/v1/events/batch", {"events": waiting})
            if answer is None:
                continue
            items = answer["items"]
            with self._ledger.lock:
                self._ledger.rejected += [item for item in items if item["status"] == "rejected"]
            waiting = [event for event, item in zip(waiting, items, strict=True) if item["status"] == "unknown"]

    def _erase(self, event: dict[str, Any]) -> None:
        path = f"/api/v1/contacts/{event['contact_id']}/events/{event['id']}"
        while self._request("DELETE", path, None) is None:
            pass
        with self._ledger.lock:
            self._ledger.erased.add((event["contact_id"], event["id"]))

    def _request(self, method: str, path: str, body: Any) -> Any:  # noqa: ANN401 - JSON
        """Send once; None when the outcome is unknown and the request has to be sent again."""
        with self._ledger.lock:
            self._ledger.attempts += 1
        try:
            data = None if body is None else json.dumps(body).encode()
            answer = self._http.request(method, self._url + path, body=data, headers=self._headers)
        except (urllib3.exceptions.HTTPError, OSError):
            answer = None
        if answer is not None and answer.status in {200, 202, 207}:
            return answer.json()
        if answer is not None and answer.status not in {429, 500, 502, 503, 504}:
            raise AssertionError(f"{method} {path} was answered {answer.status}: {answer.data[:300]!r}")
        with self._ledger.lock:
            self._ledger.failures += 1
        time.sleep(0.3)
        return None
