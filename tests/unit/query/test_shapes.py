from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from query.shapes import event_document, one_line
from query.timeline import Event
from schemas.times import format_time

MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(
    occurred_at=MOMENTS,
    received_at=MOMENTS,
    properties=st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False)),
)
def test_an_event_is_written_with_its_times_and_properties_as_agreed(
    occurred_at: datetime, received_at: datetime, properties: dict[str, str | float]
) -> None:
    text = msgspec.json.encode(properties).decode()
    event = Event("e1", "plan_upgraded", occurred_at, received_at, text, 41, 17)

    written = msgspec.json.encode(event_document(event)).decode()

    assert f'"occurred_at":"{format_time(occurred_at)}","received_at":"{format_time(received_at)}"' in written
    assert written.endswith(f'"properties":{text}}}')


def test_one_line_is_one_line() -> None:
    event = Event(
        "e1", "a", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), '{"a":\r\n"\\n"}', 1, 17
    )

    line = one_line(event_document(event))

    assert b"\n" not in line
    assert b"\r" not in line
    assert msgspec.json.decode(line)["properties"] == {"a": "\n"}
