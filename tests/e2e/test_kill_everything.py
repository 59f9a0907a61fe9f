"""Kill -9 of broker, database and services in the middle of a load: nothing acknowledged is lost or doubled."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

import psycopg
import pytest

from cli.demo.api import Api, ApiError
from tests.e2e.history import Commit, expected_timelines, read_history
from tests.e2e.system import SECONDS, whole_timeline

if TYPE_CHECKING:
    from tests.e2e.stack_folder import StackFolder

MOST = 2_000
"""Commits are sent one by one; more would only take longer."""


class Load:
    """Sends every commit with its own id; stops at the first answer that does not come."""

    def __init__(self, environment: dict[str, str], history: list[Commit], patience: float) -> None:
        self._api = Api(environment["BASE_URL"], environment["API_KEY"], patience=patience)
        self._history = history
        self.contact_ids: dict[str, int] = {}
        self.acknowledged: list[str] = []
        self.positions: dict[str, str] = {}
        self.half_done = Event()
        self.trouble: ApiError | None = None

    def run(self) -> None:
        try:
            self._send_all()
        except ApiError as error:
            self.trouble = error
        finally:
            self.half_done.set()

    def _send_all(self) -> None:
        for commit in self._history:
            if commit.author_id not in self.contact_ids:
                contact = {"external_id": f"killed:{commit.author_id}", "name": commit.author}
                answer = self._api.write("POST", "/api/v1/contacts", contact, "author")
                self.contact_ids[commit.author_id] = answer.body["id"]
            path = f"/api/v1/contacts/{self.contact_ids[commit.author_id]}/events"
            answer = self._api.write("POST", path, commit.event())
            self.acknowledged.append(commit.sha)
            self.positions[commit.author_id] = answer.body["position"]
            if len(self.acknowledged) >= len(self._history) // 2:
                self.half_done.set()


def copies(database_url: str, contact_ids: list[int]) -> list[int]:
    """Count the rows of each event: exactly once is one row, and the table, not a page, must say so."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM projection.timeline WHERE contact_id = ANY(%(ids)s) GROUP BY contact_id, event_id",
            {"ids": contact_ids},
        ).fetchall()
    return [int(count) for (count,) in rows]


@pytest.mark.timeout(900)
def test_a_load_that_dies_half_way_and_is_loaded_again_is_there_exactly_once(stack_folder: StackFolder) -> None:
    history = read_history()[-MOST:]
    first = Load(stack_folder.environment, history, patience=0)
    thread = Thread(target=first.run)
    thread.start()
    first.half_done.wait(300)
    killed = stack_folder.kill_everything()
    thread.join(120)
    assert {"kafka", "postgres", "server", "projector"} <= set(killed)
    assert len(first.acknowledged) >= len(history) // 2

    stack_folder.up()
    api = Api(stack_folder.environment["BASE_URL"], stack_folder.environment["API_KEY"], patience=SECONDS)
    survived = {
        event["id"]
        for author, contact_id in first.contact_ids.items()
        if author in first.positions
        for event in whole_timeline(api, contact_id, position=first.positions[author])
    }
    assert survived >= set(first.acknowledged), "an acknowledged event did not survive"

    second = Load(stack_folder.environment, history, patience=SECONDS)
    second.run()
    assert second.trouble is None
    assert second.contact_ids.items() >= first.contact_ids.items(), "a contact got another number"
    for author, commits in expected_timelines(history).items():
        timeline = list(whole_timeline(api, second.contact_ids[author], position=second.positions[author]))
        assert [event["id"] for event in timeline] == [commit.sha for commit in commits]
    assert copies(stack_folder.environment["DATABASE_URL"], list(second.contact_ids.values())) == [1] * len(history)
