"""Events with the contact's changes between them: one order, pages that meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from query.history_fold import ContactChange
from query.merged_page import MergedPage, merged_page
from query.timeline import Filters
from tests.integration.query.rows import CREATED, NOON

if TYPE_CHECKING:
    from query.cursors import Cursor
    from query.reading import Reading
    from tests.integration.query.rows import Rows

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def story(rows: Rows) -> tuple[int, list[str]]:
    """Make a contact with events and changes at overlapping times, some at the same moment; its ids, newest first."""
    contact = rows.contact(custom_data='{"n": 0}')
    placed: list[tuple[datetime, int, str]] = [(CREATED, 0, f"created-{contact}")]
    for number in range(24):
        at = NOON + (number * 7 % 24) // 2 * MINUTE
        if number % 3:
            placed.append((at, number, rows.event(contact, occurred_at=at)))
        else:
            change = f'{{"profile": {{}}, "custom_data": {{"n": {number + 1}}}}}'
            placed.append((at, number, rows.change(contact, change, at)))
    rows.change(contact, '{"profile": {}}', NOON + 3 * MINUTE, "says nothing")
    return contact, [id_ for _, _, id_ in sorted(placed, reverse=True)]


def read(reading: Reading, rows: Rows, contact: int, cursor: Cursor | None, **filters: Any) -> MergedPage:  # noqa: ANN401
    with reading(rows.workspace_id) as connection:
        return merged_page(connection, rows.workspace_id, contact, filters=Filters(**filters), cursor=cursor, limit=5)


def ids(page: MergedPage) -> list[str]:
    return [item.id for item in page.items]


def test_pages_meet_without_gap_or_double_both_ways(reading: Reading, rows: Rows, story: tuple[int, list[str]]) -> None:
    contact, expected = story
    pages = [read(reading, rows, contact, None)]
    while pages[-1].next_cursor:
        pages.append(read(reading, rows, contact, pages[-1].next_cursor))
    back = [pages[-1]]
    while back[-1].prev_cursor:
        back.append(read(reading, rows, contact, back[-1].prev_cursor))

    assert [id_ for page in pages for id_ in ids(page)] == expected
    assert all(len(page.items) <= 5 for page in pages + back)
    assert [id_ for page in reversed(back) for id_ in ids(page)] == expected


def test_a_range_bounds_changes_too(reading: Reading, rows: Rows, story: tuple[int, list[str]]) -> None:
    contact, expected = story
    since, until = NOON + 2 * MINUTE, NOON + 6 * MINUTE
    seen, page = [], read(reading, rows, contact, None, occurred_from=since, occurred_before=until)
    while True:
        seen += page.items
        if page.next_cursor is None:
            break
        page = read(reading, rows, contact, page.next_cursor, occurred_from=since, occurred_before=until)

    assert [item.id for item in seen] == [id_ for id_ in expected if id_ in {item.id for item in seen}]
    assert all(since <= item.occurred_at < until for item in seen)
    assert len(seen) == 8
    assert any(isinstance(item, ContactChange) for item in seen)


def test_a_text_chooses_among_changes_as_well(reading: Reading, rows: Rows) -> None:
    contact = rows.contact(custom_data='{"plan": "starter"}')
    rows.change(contact, '{"profile": {}, "custom_data": {"plan": "Pro"}}', NOON, "to pro")
    rows.change(contact, '{"profile": {}, "custom_data": {"mrr": 5}}', NOON, "mrr")

    assert ids(read(reading, rows, contact, None, text="pro")) == ["to pro"]
    assert ids(read(reading, rows, contact, None, text="starter")) == ["to pro", f"created-{contact}"]
