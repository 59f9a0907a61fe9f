from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contact_events.pace import LONGEST, LONGEST_ASKED, Pace, read_retry_after

NOW = datetime(2026, 6, 7, 10, 30, tzinfo=UTC)


def test_the_wait_doubles_up_to_a_bound_and_begins_anew_after_a_success() -> None:
    pace = Pace(chance=lambda: 1.0)
    assert [pace.failed() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, LONGEST, LONGEST]
    pace.succeeded()
    assert pace.failed() == 0.5


def test_a_random_part_is_taken_so_that_clients_part_ways() -> None:
    assert Pace(chance=lambda: 0.0).failed() == 0.25
    waits = {Pace().failed() for _ in range(50)}
    assert len(waits) > 40
    assert all(0.25 <= wait <= 0.5 for wait in waits)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_the_wait_is_never_shorter_than_the_server_asks(chance: float) -> None:
    wait = Pace(chance=lambda: chance).failed(asked=7)
    assert 7 <= wait <= 7 * 1.25


def test_a_server_cannot_silence_a_client_for_long() -> None:
    assert Pace(chance=lambda: 0.0).failed(asked=1e9) == LONGEST_ASKED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("2", 2.0),
        (" 120 ", 120.0),
        ("Sun, 07 Jun 2026 10:30:30 GMT", 30.0),
        ("Sun, 07 Jun 2026 10:29:00 GMT", 0.0),
        ("soon", None),
        ("²", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, lambda: NOW) == seconds
