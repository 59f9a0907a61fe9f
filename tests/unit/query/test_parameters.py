from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from query.api.events import read_filters
from query.cursors import CursorSigner
from query.parameters import Parameters
from query.timeline import Filters
from runtime.problems import Problem
from schemas.positions import Position


def parameters(**given: str) -> Parameters:
    return Parameters(MultiDict(given))


def faults(taken: Parameters) -> dict[str, str]:
    with pytest.raises(Problem) as caught:
        taken.finish()
    assert caught.value.status == 422
    return {fault.pointer: fault.code for fault in caught.value.faults}


def test_filters_are_read() -> None:
    taken = Parameters(
        MultiDict(
            [
                ("name", "plan_upgraded"),
                ("name", "charge_failed"),
                ("name", "plan_upgraded"),
                ("name_prefix", "plan_"),
                ("from", "2026-06-07T10:30:00+02:00"),
                ("before", "2026-06-08T00:00:00.5Z"),
                ("text", "pro"),
            ]
        )
    )

    filters = read_filters(taken)

    taken.finish()
    assert filters == Filters(
        names=("plan_upgraded", "charge_failed"),
        name_prefix="plan_",
        occurred_from=datetime(2026, 6, 7, 8, 30, tzinfo=UTC),
        occurred_before=datetime(2026, 6, 8, 0, 0, 0, 500_000, UTC),
        text="pro",
    )


def test_all_faults_are_told_at_once_with_a_hint() -> None:
    taken = parameters(limit="201", position="x", naem="a", **{"from": "yesterday"})
    taken.limit()
    taken.position()
    read_filters(taken)

    with pytest.raises(Problem) as caught:
        taken.finish()

    by_pointer = {fault.pointer: fault for fault in caught.value.faults}
    assert {pointer: fault.code for pointer, fault in by_pointer.items()} == {
        "limit": "out_of_range",
        "position": "invalid_position",
        "from": "invalid_time",
        "naem": "unknown_parameter",
    }
    assert "Did you mean name?" in by_pointer["naem"].message


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.0", "²", "1e2", "9" * 30])
def test_a_limit_out_of_range_is_a_fault(limit: str) -> None:
    taken = parameters(limit=limit)
    taken.limit()

    assert faults(taken) == {"limit": "out_of_range"}


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-07",
        "2026-06-07T10:30:00",
        "2026-W01-1",
        "2026-06-07T10:30:60Z",
        "0001-01-01T00:00:00+14:00",
        "2026-06-07T10:30:00 02:00",
        "\uff12026-06-07T10:30:00Z",
    ],
)
def test_what_is_no_time_with_an_offset_is_a_fault(text: str) -> None:
    taken = parameters(before=text)
    taken.moment("before")

    assert faults(taken) == {"before": "invalid_time"}


def test_an_empty_range_is_a_fault() -> None:
    taken = parameters(before="2026-06-07T10:30:00Z", **{"from": "2026-06-07T10:30:00Z"})
    read_filters(taken)

    assert faults(taken) == {"before": "empty_range"}


def test_a_parameter_given_twice_is_a_fault() -> None:
    taken = Parameters(MultiDict([("limit", "5"), ("limit", "6")]))
    taken.limit()

    assert faults(taken) == {"limit": "repeated"}


def test_a_position_is_read() -> None:
    position = Position(UUID(int=7), 3, 41)

    assert parameters(position=position.encode()).position() == position


@settings(deadline=None)  # the first call reads the list of zones
@given(st.text(), st.text())
def test_any_text_is_taken_or_told_never_more(name: str, value: str) -> None:
    taken = Parameters(MultiDict([(name, value), ("text", value), ("time_zone", value), ("cursor", value)]))
    taken.time_zone("UTC")
    taken.position()
    taken.limit()
    taken.cursor(CursorSigner("a secret of the tests, long enough to sign"), "1/1")
    read_filters(taken)
    with suppress(Problem):
        taken.finish()
