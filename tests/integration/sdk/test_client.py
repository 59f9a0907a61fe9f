"""The Python client against the real write API, Kafka, projector and read API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from contact_events import Accepted, ApiError, Client, Rejected, UnavailableError
from tests.conftest import create_api_key
from tests.integration.running import ROOT, Running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from contact_events import Outcome

NOBODY = 9_007_199_254_740_991


def test_what_is_tracked_stands_on_the_timeline(running: Running) -> None:
    outcomes: dict[str, Outcome] = {}
    with Client(
        running.url, running.api_key, on_delivery=lambda outcome: outcomes.update({outcome.event_id: outcome})
    ) as client:
        contact_id = client.contact(external_id="shop-17", name="Ada", custom_data={"plan": "starter"})
        assert client.contact(external_id="shop-17", custom_data={"plan": "pro"}) == contact_id
        upgraded = client.track(contact_id, "plan_upgraded", {"to_plan": "pro", "rate": 0.1, "text": "größer"})
        before = datetime.now(UTC) - timedelta(days=3)
        installed = client.track(external_id="shop-17", name="shop_installed", occurred_at=before)
        many = [client.track(contact_id, "feature_enabled", {"number": number}) for number in range(1_500)]
        assert client.flush(120)
        assert client.status().accepted == 1_502
    last = outcomes[many[-1]]
    assert isinstance(last, Accepted)
    timeline = running.timeline(contact_id, last.position)
    assert [event["id"] for event in timeline] == [*reversed(many), upgraded, installed]
    assert timeline[-2]["properties"] == {"to_plan": "pro", "rate": 0.1, "text": "größer"}
    assert datetime.fromisoformat(timeline[-1]["occurred_at"]) == before
    assert running.api.get(f"/api/v1/contacts/{contact_id}").body["custom_data"] == {"plan": "pro"}


def test_each_event_learns_its_own_fate(running: Running) -> None:
    outcomes: dict[str, Outcome] = {}
    with Client(running.url, running.api_key, linger=0.5) as client:
        contact_id = client.contact(external_id="shop-17")

        def track(name: str, properties: dict[str, Any], to: int = contact_id) -> str:
            return client.track(
                to, name, properties, on_delivery=lambda outcome: outcomes.update({outcome.event_id: outcome})
            )

        deep: dict[str, Any] = {}
        for _ in range(200):  # so deep that the server refuses the whole batch it stands in
            deep = {"a": deep}
        good = [track("plan_upgraded", {"number": number}) for number in range(20)]
        unknown_contact = track("plan_upgraded", {}, NOBODY)
        null = track("plan_upgraded", {"text": "a\0b", "large": 2**70})
        too_deep = track("plan_upgraded", deep)
        unconventional = track("Plan Upgraded", {})
        good += [track("plan_upgraded", {"number": number}) for number in range(20)]
        assert client.flush(120)
        assert (client.status().accepted, client.status().rejected) == (41, 3)
    assert all(isinstance(outcomes[each], Accepted) for each in good)
    assert fault(outcomes[unknown_contact]) == [("/contact_id", "contact_not_found")]
    assert sorted(fault(outcomes[null])) == [
        ("/properties/large", "integer_out_of_range"),
        ("/properties/text", "null_character"),
    ]
    assert isinstance(outcomes[too_deep], Rejected)
    assert outcomes[too_deep].code == "nested_too_deep"  # type: ignore[union-attr] # the line above says so
    warned = outcomes[unconventional]
    assert isinstance(warned, Accepted)
    assert [warning.code for warning in warned.warnings] == ["unconventional_name"]
    last = outcomes[good[-1]]
    assert isinstance(last, Accepted)
    assert len(running.timeline(contact_id, last.position)) == 41


def fault(outcome: Outcome) -> list[tuple[str, str]]:
    assert isinstance(outcome, Rejected)
    return [(each.pointer, each.code) for each in outcome.faults]


def test_a_wrong_key_loses_nothing(running: Running, database_url: str, workspace: int, tmp_path: Path) -> None:
    powerless = create_api_key(database_url, workspace, ["events:read"])
    client = Client(running.url, powerless, spool=tmp_path / "spool", exit_timeout=0.1)
    with pytest.raises(ApiError, match=r"403 missing_scope: .*contacts:write"):
        client.contact(external_id="shop-17")
    contact_id = Client(running.url, running.api_key).contact(external_id="shop-17")
    event_id = client.track(contact_id, "plan_upgraded")
    wait_until(lambda: client.status().trouble, "the client has noticed")
    assert "403 missing_scope" in (client.status().trouble or "")
    client.close()
    with Client(running.url, running.api_key, spool=tmp_path / "spool") as client:
        assert client.flush(120)
    wait_until(lambda: [event["id"] for event in running.timeline(contact_id)] == [event_id], "it is on the timeline")


def test_with_nobody_there_a_contact_is_not_certain(stopped: Running) -> None:
    with Client(stopped.url, stopped.api_key) as client, pytest.raises(UnavailableError, match="no answer within 1 s"):
        client.contact(external_id="shop-17", timeout=1)


def start_app(running: Running, spool: Path, contact_id: int) -> subprocess.Popen[str]:
    arguments = (running.url, running.api_key, str(spool), str(contact_id))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python/src'}"}
    command = [sys.executable, "-m", "tests.integration.sdk.tracking", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def kill_app(app: subprocess.Popen[str], after: int) -> list[str]:
    """Kill -9 it once it has tracked so many; the ids that `track` returned."""
    assert app.stdout is not None
    ids = [app.stdout.readline().strip() for _ in range(after)]
    app.kill()
    ids += app.stdout.read().split()
    app.stdout.close()
    app.wait()
    return ids


def expect_exactly_once(running: Running, contact_id: int, ids: list[str], spool: Path, kills: int) -> None:
    """Start the app anew and look at the timeline: all that `track` returned is there, each once."""
    with Client(running.url, running.api_key, spool=spool) as client:
        assert client.flush(120)
        last = client.track(contact_id, "trial_ended", event_id="last")
        positions: list[str] = []
        client.track(contact_id, "trial_ended", event_id=last, on_delivery=lambda it: positions.append(it.position))  # type: ignore[union-attr] # accepted
        assert client.flush(120)
    counts = Counter(event["id"] for event in running.timeline(contact_id, positions[0]))
    assert set(counts.values()) == {1}
    assert not set(ids) - set(counts)
    assert len(counts) - len(ids) - 1 <= kills  # taken, but killed before `track` could return
    assert list(spool.iterdir()) == []


def test_server_away_and_app_killed_nothing_is_lost_and_nothing_twice(running: Running, tmp_path: Path) -> None:
    contact_id = Client(running.url, running.api_key).contact(external_id="shop-17")
    running.kill_server()
    ids = kill_app(start_app(running, tmp_path / "spool", contact_id), 3_000)
    ids += kill_app(start_app(running, tmp_path / "spool", contact_id), 1_000)
    running.start_server()
    expect_exactly_once(running, contact_id, ids, tmp_path / "spool", kills=2)


def test_server_and_app_killed_while_sending_nothing_is_lost_and_nothing_twice(
    running: Running, tmp_path: Path
) -> None:
    contact_id = Client(running.url, running.api_key).contact(external_id="shop-17")
    ids = kill_app(start_app(running, tmp_path / "spool", contact_id), 2_000)
    app = start_app(running, tmp_path / "spool", contact_id)
    assert app.stdout is not None
    ids += [app.stdout.readline().strip() for _ in range(2_000)]
    running.kill_server()
    ids += kill_app(app, 1_000)
    running.start_server()
    expect_exactly_once(running, contact_id, ids, tmp_path / "spool", kills=2)
