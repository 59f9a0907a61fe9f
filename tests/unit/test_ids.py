from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import uuid7, uuid7_texts
from schemas.times import format_time, is_late


def test_uuid7_carries_its_time_version_and_variant() -> None:
    made = uuid7(lambda: 1_765_000_000_123)
    assert made.int >> 80 == 1_765_000_000_123
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_uuid7_is_never_the_same_twice() -> None:
    assert len({uuid7(lambda: 1) for _ in range(1_000)}) == 1_000


def test_ids_made_together_are_texts_of_the_same_kind() -> None:
    made = uuid7_texts(1_000, lambda: 1_765_000_000_123)
    read = [UUID(text) for text in made]
    assert [str(each) for each in read] == made
    assert {(each.int >> 80, each.version, each.variant) for each in read} == {
        (1_765_000_000_123, 7, "specified in RFC 4122")
    }
    assert len(set(made)) == 1_000


def test_each_time_they_begin_somewhere_else() -> None:
    made = [UUID(text).int for _ in range(200) for text in uuid7_texts(3, lambda: 1)]
    assert len(set(made)) == 600
    fixed = {place for place in range(80) if len({bits >> place & 1 for bits in made}) == 1}
    assert fixed == {62, 63, 76, 77, 78, 79}, "the version and the variant, and nothing else"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 6, 7, 10, 30, tzinfo=UTC), "2026-06-07T10:30:00Z"),
        (datetime(2026, 6, 7, 10, 30, 0, 250_000, tzinfo=UTC), "2026-06-07T10:30:00.250000Z"),
        (datetime(2026, 6, 7, 12, 30, tzinfo=timezone(timedelta(hours=2))), "2026-06-07T10:30:00Z"),
    ],
)
def test_a_moment_is_written_in_utc(moment: datetime, text: str) -> None:
    assert format_time(moment) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_written_as_python_would(moment: datetime) -> None:
    assert format_time(moment) == moment.replace(tzinfo=None).isoformat() + "Z"


def test_late_begins_after_a_day() -> None:
    noon = datetime(2026, 6, 7, 12, tzinfo=UTC)
    assert not is_late(noon, noon + timedelta(hours=24))
    assert is_late(noon, noon + timedelta(hours=24, microseconds=1))
