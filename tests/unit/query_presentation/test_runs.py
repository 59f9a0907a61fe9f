from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from query.presentation.runs import COLLAPSE_FROM, Day, by_day

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    name: str
    occurred_at: datetime


def rows(names: str, step: timedelta = timedelta(minutes=1)) -> list[Row]:
    return [Row(name, NOON - index * step) for index, name in enumerate(names)]


def shape(days: tuple[Day[Row], ...]) -> list[list[str]]:
    return [
        [run.rows[0].name + (run.count if run.is_collapsed else "." * len(run.rows)) for run in day.runs]
        for day in days
    ]


def group(names: str, **options: bool) -> list[list[str]]:
    defaults = {"has_more": False}
    return shape(by_day(rows(names), zone=UTC, today=TODAY, **defaults | options))


def test_three_stay_rows_and_four_become_one_line() -> None:
    assert group("aaab") == [["a...", "b."]]
    assert group("aaaab") == [["a4", "b."]]


def test_another_name_between_ends_a_run() -> None:
    assert group("aabaa") == [["a..", "b.", "a.."]]


def test_a_run_at_the_end_of_the_page_may_go_on() -> None:
    assert group("baaaa", has_more=True) == [["b.", "a4+"]]
    assert group("aaaab", has_more=True) == [["a4", "b."]]
    assert group("aaaa", has_more=False) == [["a4"]]


def test_a_run_ends_with_the_day() -> None:
    days = by_day(rows("aaaaaaaa", timedelta(hours=4)), zone=UTC, today=TODAY, has_more=False)
    assert shape(days) == [["a4"], ["a4"]]
    assert [day.label for day in days] == ["Today · Tue 24 Nov", "Yesterday · Mon 23 Nov"]


def test_days_are_the_readers_days() -> None:
    at = [Row("a", datetime(2026, 11, 24, 0, 30, tzinfo=UTC)), Row("a", datetime(2026, 11, 23, 23, 30, tzinfo=UTC))]
    assert len(by_day(at, zone=UTC, today=TODAY, has_more=False)) == 2
    assert len(by_day(at, zone=ZoneInfo("Europe/Berlin"), today=TODAY, has_more=False)) == 1


def test_a_list_of_one_name_can_be_left_whole() -> None:
    assert group("aaaaa", collapse=False) == [["a."] * 5]


@given(st.text("ab", max_size=60), st.booleans(), st.integers(1, 600))
def test_no_row_is_lost_and_the_order_stays(names: str, has_more: bool, minutes: int) -> None:  # noqa: FBT001 - drawn
    given_rows = rows(names, timedelta(minutes=minutes))
    days = by_day(given_rows, zone=UTC, today=TODAY, has_more=has_more)
    assert [row for day in days for run in day.runs for row in run.rows] == given_rows
    for day in days:
        assert all(len({row.name for row in run.rows}) == 1 for run in day.runs)
        assert all(run.is_collapsed == (len(run.rows) >= COLLAPSE_FROM) for run in day.runs)
    assert sum(run.touches_end for day in days for run in day.runs) == (1 if has_more and given_rows else 0)
