"""Segment's own library for Python, unmodified, against the live system: its calls land on the profile page."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from segment.analytics import Client

from query.sessions import COOKIE, Sessions
from tests.integration.running import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.running import Running

TRACKS = 400


class Library:
    """The library, and what it says it could not deliver."""

    def __init__(self, running: Running, *, gzip: bool) -> None:
        self.failed: list[tuple[Exception, list[dict[str, Any]]]] = []
        self.client = Client(
            running.api_key, host=running.url, gzip=gzip, on_error=self._on_error, upload_interval=0.05
        )

    def _on_error(self, error: Exception, messages: list[dict[str, Any]]) -> None:
        self.failed.append((error, messages))


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
def library(running: Running, request: pytest.FixtureRequest) -> Iterator[Library]:
    library = Library(running, gzip=request.param)
    yield library
    library.client.shutdown()


def contact(running: Running, external_id: str) -> int:
    """Find a contact once the timelines have it."""
    found: list[int] = []

    def there() -> bool:
        rows = running.api.get("/api/v1/contacts", query=external_id).body["data"]
        found.extend(row["id"] for row in rows if row["external_id"] == external_id)
        return bool(found)

    wait_until(there, f"{external_id} is a contact")
    return found[0]


def profile_page(running: Running, environment: Mapping[str, str], workspace: int, contact_id: int) -> str:
    """Read the profile as an agent's browser does."""
    sessions = Sessions(environment["SECRET_KEY"], lambda: datetime.now(UTC))
    link = sessions.sign_in_link(running.url, workspace, f"/contacts/{contact_id}")
    cookie = sessions.open(link.partition("#")[2])[1]
    answer = urllib3.request(
        "GET", f"{running.url}/contacts/{contact_id}", headers={"Cookie": f"{COOKIE}={cookie}"}, redirect=False
    )
    assert answer.status == 200, answer.data
    return answer.data.decode()


def test_its_calls_land_on_the_profile_page(
    running: Running, library: Library, environment: dict[str, str], workspace: int
) -> None:
    before = datetime.now(UTC) - timedelta(days=3)
    client = library.client
    client.track("shop-17", "trial_started", {"plan": "pro"}, timestamp=before)
    client.identify("shop-17", {"email": "ada@example.com", "name": "Ada Moreau", "plan": "pro", "seats": 12})
    client.track("shop-17", "Order Completed", {"total": 99.5, "currency": "EUR"}, message_id="order/17")
    client.track("shop-17", "Order Completed", {"total": 99.5, "currency": "EUR"}, message_id="order/17")
    client.page("shop-17", "docs", "Pricing", {"url": "/pricing"})
    client.group("shop-17", "group-1", {"plan": "pro"})
    client.flush()
    assert not library.failed
    contact_id = contact(running, "shop-17")
    wait_until(lambda: len(running.timeline(contact_id)) == 2, "both events are on the timeline")
    newest, oldest = running.timeline(contact_id)
    assert (newest["name"], newest["properties"]) == ("Order Completed", {"total": 99.5, "currency": "EUR"})
    assert oldest["name"] == "trial_started"
    assert abs(datetime.fromisoformat(oldest["occurred_at"]) - before) < timedelta(milliseconds=1)
    page = profile_page(running, environment, workspace, contact_id)
    for shown in ("Ada Moreau", "ada@example.com", "seats", "99.5"):
        assert shown in page


def test_one_bad_call_costs_no_good_one(running: Running, library: Library) -> None:
    client = library.client
    for number in range(30):
        client.track("shop-17", "feature_enabled", {"share": float("nan") if number == 7 else number})
        client.track(None, "seen", {}, anonymous_id="visitor")
    client.flush()
    assert not library.failed, "a library told of a failure would drop or repeat the good ones"
    contact_id = contact(running, "shop-17")
    wait_until(lambda: len(running.timeline(contact_id)) == 29, "the good ones are on the timeline")
    client.track(None, "seen", {}, anonymous_id="visitor")
    client.flush()
    ((error, messages),) = library.failed  # nothing good in it, so it is told
    assert "anonymousId is none" in str(error)
    assert [message["anonymousId"] for message in messages] == ["visitor"]


def test_a_server_killed_and_started_again_loses_and_doubles_nothing(running: Running) -> None:
    command = [sys.executable, "-m", "tests.integration.segment.sending", running.url, running.api_key, str(TRACKS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while (line := process.stdout.readline()) != f"m-{TRACKS // 2}\n":
            assert line, "it has ended"
        running.kill_server()
        running.start_server()
        out, err = process.communicate(timeout=120)
        assert out.endswith("done\n"), err
    finally:
        process.kill()
        process.communicate()
    users = {contact(running, f"user-{each}"): each for each in range(7)}

    def events() -> Counter[str]:
        return Counter(event["id"] for each in users for event in running.timeline(each))

    wait_until(lambda: len(events()) == TRACKS, "all tracks are on a timeline")
    assert set(events().values()) == {1}
    numbers = {event["properties"]["number"] % 7 for event in running.timeline(next(iter(users)))}
    assert numbers == {users[next(iter(users))]}
