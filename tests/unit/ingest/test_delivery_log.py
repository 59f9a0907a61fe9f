"""The delivery log's memory: bounded, and nothing in it goes uncounted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.delivery_log import (
    MOST_DETAILS_OF_ONE,
    MOST_NAMES,
    MOST_POINTER,
    Counter,
    DeliveryLog,
    Rejection,
    by_the_hour,
    presentable,
    short,
)

NOON = datetime(2026, 6, 7, 12, 0, 30, tzinfo=UTC)


def rejection(
    name: str | None = "plan_upgraded", *, workspace: int = 1, code: str = "no_offset", at: datetime = NOON
) -> Rejection:
    return Rejection(workspace, at, 422, code, "/occurred_at", 1, name, False, None, "POST /x", "k", "r")


def test_counts_and_details_are_taken_once() -> None:
    log = DeliveryLog()
    log.note([rejection(), rejection(), rejection(None, code="invalid_json")])

    notes = log.take()

    minute = NOON.replace(second=0)
    assert notes.counts == {
        Counter(1, minute, "no_offset", "one", "plan_upgraded"): 2,
        Counter(1, minute, "invalid_json", "none", ""): 1,
    }
    assert len(notes.details) == 3
    assert not log.take().counts


def test_details_are_bounded_and_no_workspace_crowds_out_another() -> None:
    log = DeliveryLog()
    log.note(rejection() for _ in range(MOST_DETAILS_OF_ONE + 500))
    log.note([rejection(workspace=2)])

    notes = log.take()

    assert [detail.workspace_id for detail in notes.details].count(1) == MOST_DETAILS_OF_ONE
    assert [detail.workspace_id for detail in notes.details].count(2) == 1
    assert sum(notes.counts.values()) == MOST_DETAILS_OF_ONE + 501


def test_names_beyond_a_number_are_counted_together() -> None:
    log = DeliveryLog()
    log.note(rejection(f"order_{number}_paid") for number in range(MOST_NAMES + 300))

    counts = log.take().counts

    assert len(counts) == MOST_NAMES + 1
    assert counts[Counter(1, NOON.replace(second=0), "no_offset", "others", "")] == 300


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["a", "b"]),
            st.one_of(st.none(), st.text("xyz", min_size=1, max_size=3)),
            st.integers(0, 300),
        ),
        max_size=200,
    ),
    st.integers(1, 30),
)  # fmt: skip
def test_no_rejection_goes_uncounted(given: list[tuple[int, str, str | None, int]], room: int) -> None:
    log = DeliveryLog(most_details=5, most_counters=room)
    for workspace, code, name, minutes in given:
        log.note([rejection(name, workspace=workspace, code=code, at=NOON + timedelta(minutes=minutes))])

    notes = log.take()

    for workspace in (1, 2, 3):
        for code in ("a", "b"):
            counted = sum(n for c, n in notes.counts.items() if (c.workspace_id, c.code) == (workspace, code))
            assert counted == sum(1 for each in given if each[:2] == (workspace, code))
    assert len(notes.details) <= 5


def test_a_long_outage_is_counted_by_the_hour() -> None:
    log = DeliveryLog(most_counters=10)
    log.note(rejection(f"n{minute}", at=NOON + timedelta(minutes=minute)) for minute in range(600))

    counts = log.take().counts

    assert sum(counts.values()) == 600
    assert len(counts) <= 2 * 11  # 11 hours begun
    assert by_the_hour(counts)[Counter(1, NOON.replace(minute=0, second=0), "no_offset", "others", "")] == 60


def test_a_name_that_is_itself_wrong_is_kept_bounded_and_marked() -> None:
    assert presentable("plan_upgraded") == ("plan_upgraded", False)
    assert presentable("x" * 5_000) == ("x" * 128, True)
    assert presentable("a\0b\ud800") == ("a\ufffdb\ufffd", True)
    assert presentable(17) == (None, False)
    assert presentable("") == (None, False)


def test_a_pointer_is_bounded() -> None:
    assert short("/properties/a") == "/properties/a"
    assert len(short("/" + "x" * 5_000)) == MOST_POINTER
    assert short("/" + "x" * 5_000).endswith("…")
    assert short("/\0").isprintable()
