from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from query.catalogue import NOTHING_SAID
from query.contacts import Contact, ContactSummary
from query.presentation.contacts import contact_card, contact_line, most_telling
from query.presentation.events import Reader, before_conversation, event_row
from query.presentation.histogram import HEIGHT, draw
from query.presentation.profile import chips, matches
from query.presentation.tones import Tone
from query.presentation.view import View
from query.shown_names import ShownName, shown_names
from query.summary import DayCount, Histogram, NameSummary
from query.timeline import Event, Filters

NOW = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
READER = Reader(ZoneInfo("Europe/Berlin"), NOW)
DAY = timedelta(days=1)


def contact(**fields: object) -> Contact:
    values: dict[str, object] = {
        "id": 17,
        "external_id": "shop_1",
        "email": "amelia@example.com",
        "name": "Amelia",
        "custom_data": "{}",
        "custom_data_changed_at": {},
        "created_at": NOW - 90 * DAY,
        "updated_at": NOW,
        "event_count": 0,
        "first_event_at": None,
        "last_event_at": None,
        "log_partition": 0,
    }
    return Contact(**values | fields)  # type: ignore[arg-type]


def event(
    name: str, before: timedelta, offset: int = 0, *, late: timedelta = timedelta(), **properties: object
) -> Event:
    at = NOW - before
    return Event(f"e{offset}", name, at, at + late, json.dumps(properties), offset, 17)


@pytest.mark.parametrize(
    ("fields", "title", "email"),
    [
        ({}, "Amelia", "amelia@example.com"),
        ({"name": None}, "amelia@example.com", None),
        ({"name": None, "email": None}, "shop_1", None),
        ({"name": "", "email": ""}, "shop_1", None),
    ],
)
def test_a_contact_is_called_by_the_best_that_is_known(
    fields: dict[str, object], title: str, email: str | None
) -> None:
    card = contact_card(contact(**fields), READER)
    assert (card.title, card.email) == (title, email)


def test_custom_data_says_what_changed_within_seven_days() -> None:
    data = {"plan": "pro", "old": 1, "initial": 2}
    changed = {"plan": NOW - 2 * DAY, "old": NOW - 7 * DAY, "initial": NOW - 90 * DAY}
    card = contact_card(contact(custom_data=json.dumps(data), custom_data_changed_at=changed), READER)
    said = {item.key: item.changed.text if item.changed else None for item in card.custom_data}
    assert said == {"plan": "2 days ago", "old": None, "initial": None}


def test_what_a_new_contact_began_with_has_not_changed() -> None:
    created = NOW - DAY
    card = contact_card(
        contact(custom_data='{"plan": "free"}', custom_data_changed_at={"plan": created}, created_at=created), READER
    )
    assert card.custom_data[0].changed is None


def test_first_seen_is_the_older_of_contact_and_first_event() -> None:
    card = contact_card(contact(first_event_at=NOW - 400 * DAY, last_event_at=NOW - 2 * DAY, event_count=2), READER)
    assert card.first_seen.text == "20 Oct 2025"
    assert card.last_event is not None
    assert card.last_event.text == "2 days ago"


def test_the_keys_that_the_workspace_has_pinned_are_the_telling_ones() -> None:
    data = contact(custom_data='{"a": 1, "b": 2, "c": 3}')
    assert contact_card(data, replace(READER, pinned_custom_data=("c", "a"))).telling == ("c", "a")
    assert contact_card(data, READER).telling == ("a", "b", "c")


def test_the_sidebar_takes_pinned_keys_else_the_latest_changes() -> None:
    data = dict.fromkeys("abcdefgh", 1)
    changed = {key: NOW - index * DAY for index, key in enumerate("hgfedcba")}
    items = contact_card(contact(custom_data=json.dumps(data)), READER).custom_data
    assert [item.key for item in most_telling(items, changed)] == list("hgfedc")
    assert [item.key for item in most_telling(items, changed, pinned=["b", "gone", "a"])] == ["b", "a"]


def test_a_line_of_the_home_page_tells_namesakes_apart() -> None:
    line = contact_line(ContactSummary(1, "x-1", None, "Ann", "charge_failed", NOW), READER)
    assert (line.title, line.known_by, line.last_event, line.tone) == ("Ann", "x-1", "Charge failed", Tone.ATTENTION)


def test_an_event_row_has_its_tone_time_and_lateness() -> None:
    row = event_row(event("charge_failed", timedelta(hours=2), late=2 * DAY), READER)
    assert (row.tone, row.clock, row.ago, row.late_by) == (Tone.ATTENTION, "12:20", "2 h ago", "2 days")
    assert event_row(event("x", DAY, late=DAY), READER).late_by is None  # exactly a day is not late


def test_before_a_conversation_attention_comes_first_and_no_name_twice() -> None:
    started = NOW
    events = [
        event("login", timedelta(minutes=5), 9),
        event("charge_failed", timedelta(hours=1), 8),
        event("charge_failed", timedelta(hours=3), 7),
        event("plan_upgraded", DAY, 6),
        event("import_failed", 2 * DAY, 5),
        event("order_synced", 3 * DAY, 4),
    ]
    chosen = before_conversation(tuple(event_row(item, READER) for item in events), started, READER.zone)
    assert [(item.row.name, item.distance) for item in chosen] == [
        ("charge_failed", "1 hour before"),
        ("import_failed", "2 days before"),
        ("login", "5 minutes before"),
    ]


def test_the_histogram_shows_the_share_of_attention() -> None:
    today = date(2026, 11, 24)
    days = [DayCount(today, "charge_failed", 2), DayCount(today, "login", 6), DayCount(today - 89 * DAY, "login", 1)]
    drawing = draw(Histogram([*days, DayCount(today - 90 * DAY, "login", 99)], None), READER, View(17))
    assert drawing is not None
    assert [(bar.x, bar.height, bar.attention_height) for bar in drawing.bars] == [(0, 5.0, 0.0), (89, HEIGHT, 10.0)]
    assert drawing.bars[-1].title == "24 Nov: 8 events, 2 need attention"
    assert drawing.summary == "Events by day in the last 90 days: 9, 2 of them need attention"
    assert draw(Histogram([], None), READER, View(17)) is None


def test_one_lone_event_is_not_drawn_like_a_flood() -> None:
    drawing = draw(Histogram([DayCount(date(2026, 11, 24), "login", 1)], NOW), READER, View(17))
    assert drawing is not None
    assert drawing.bars[0].height == HEIGHT / 4
    assert drawing.first == "27 Aug · counted from 24 Nov"


def summaries(*names: str) -> list[ShownName]:
    return shown_names([NameSummary(name, 100 - index, NOW, NOW) for index, name in enumerate(names)], NOTHING_SAID)


def test_five_chips_those_that_are_on_first_and_all_under_more() -> None:
    first, more = chips(summaries(*"abcdefg"), View(17, Filters(names=("g",))))
    assert [chip.name for chip in first] == ["g", "a", "b", "c", "d"]
    assert first[0].selected
    assert first[0].href == "/contacts/17"  # off again
    assert first[1].href == "/contacts/17?name=g&name=a"
    assert [chip.name for chip in more] == list("abcdefg")


def test_links_carry_the_filters_escaped() -> None:
    assert View(17).query() == ""
    assert View(17, Filters(names=("a&b",), text="x y")).query(cursor="c") == "?name=a%26b&q=x+y&cursor=c"


def test_an_arriving_event_passes_the_same_filters() -> None:
    arrived = event("charge_failed", timedelta(), reason="Card_Declined")
    assert matches(arrived, Filters())
    assert matches(arrived, Filters(names=("charge_failed",), text="card_declined"))
    assert not matches(arrived, Filters(names=("login",)))
    assert not matches(arrived, Filters(text="insufficient"))
