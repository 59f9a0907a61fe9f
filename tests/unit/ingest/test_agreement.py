"""The fast way and the rules say the same of every input, and what they let through PostgreSQL and readers can keep."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ingest.batches import read_events
from ingest.events import EventDraft, EventReader, Invalid
from ingest.rules import BatchEvent, Event
from runtime.problems import Problem
from schemas.times import format_time

EXAMPLES = 5_000 if os.environ.get("CI") or os.environ.get("REQUIRE_LANES") else 300
"""In CI ten thousand events between the first two, both directions at once: the verdicts must be equal."""

relaxed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
NOW = datetime(2026, 6, 7, 12, tzinfo=UTC)
LATEST = NOW + timedelta(days=1)
SINGLE = EventReader(Event(lambda: NOW), in_batch=False)
BATCH = EventReader(BatchEvent(lambda: NOW), in_batch=True)

# Texts near the edges: escapes, control characters, lone surrogates, other alphabets, lengths around the limits.
edge_text = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", " ", "a", "plan_upgraded", "Plan Upgraded", "x" * 128, "x" * 129, "x" * 255, "x" * 256]),
    st.sampled_from(["\x00", "\x1f", "\x7f", "\x85", "\u2028", "\ud800", "\udfff", "\U0001f4e6", "\u00b2", "-", "a:b"]),
)
number = st.one_of(
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**53, 2**53 - 1, 0, 1, True, False]),
)
value = st.recursive(
    st.one_of(st.none(), number, edge_text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(edge_text, inner, max_size=3)),
    max_leaves=8,
)
moment = st.one_of(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda at: at.isoformat() + "Z"),  # noqa: DTZ001
    st.builds(
        "20{}-{}-{}T{}:30:{}{}{}".format,
        *[st.integers(10, 70)] * 5,
        st.sampled_from(["", ".5", ".123456", ".1234567", "."]),
        st.sampled_from(["Z", "", "z", "+02:00", "-23:59", "+24:00", "-00:00", "+0200"]),
    ),
    st.sampled_from(["2000-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2026-06-08T12:00:00Z", "2026-W01-1"]),
)
SOUND = {
    "name": st.sampled_from(["plan_upgraded", "Plan Upgraded", "x"]),
    "occurred_at": st.datetimes(datetime(2000, 1, 1), datetime(2026, 6, 8)).map(lambda at: at.isoformat() + "Z"),  # noqa: DTZ001
    "id": st.sampled_from(["a", "a:b.c-1", "x" * 128]),
    "properties": st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4),
        st.one_of(
            st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
        ),
        max_size=3,
    ),
    "contact_id": st.integers(1, 2**53 - 1),
}
ODD = {
    "name": st.one_of(edge_text, value),
    "occurred_at": st.one_of(moment, value),
    "id": st.one_of(edge_text, value),
    "properties": value,
    "contact_id": st.one_of(number, value),
    "external_id": edge_text,
    "nmae": value,
}


@st.composite
def texts(draw: st.DrawFn, *, in_batch: bool) -> bytes:
    """Write an event as JSON the way different senders do, now and then odd in a field or two, seldom damaged."""
    names = [name for name in SOUND if (name != "contact_id" or in_batch) and (name != "id" or draw(st.booleans()))]
    body = {name: draw(SOUND[name]) for name in names}
    for name in draw(st.one_of(st.just([]), st.lists(st.sampled_from(list(ODD)), max_size=2, unique=True))):
        body[name] = draw(ODD[name])
    if "external_id" in body and draw(st.booleans()):
        body.pop("contact_id", None)
    text = json.dumps(body, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1])))
    damage = draw(st.integers(0, 20))
    if damage == 0:
        text = text.replace("{", '{"a": 1, "a": 2, ', 1)
    elif damage == 1:
        text = text.replace(": ", ": " + "[" * 25 + "1" + "]" * 25 + ' , "x": ', 1)
    elif damage == 2:
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(['"', "\\", "}", ",", "1", "\\u0000", "\x00", " "])) + text[place:]
    elif damage == 3:
        text = text.replace('"name"', '"\\u006eame"')
    return text.encode("utf-8", "surrogatepass")


def agrees(reader: EventReader, body: bytes) -> bool:
    """Hold both ways against each other; True when they accept the event."""
    read = reader.read(body, LATEST)
    assert read == reader.judge(body)
    if isinstance(read, EventDraft):
        check_sound(read)
        return True
    assert all(fault.code and fault.message for fault in read.faults)
    return False


@relaxed
@given(body=texts(in_batch=False))
def test_both_ways_agree_on_every_event(body: bytes) -> None:
    event("accepted" if agrees(SINGLE, body) else "refused")


@relaxed
@given(body=texts(in_batch=True))
def test_both_ways_agree_on_every_event_of_a_batch(body: bytes) -> None:
    event("accepted" if agrees(BATCH, body) else "refused")


@settings(relaxed, max_examples=EXAMPLES // 5)
@given(bodies=st.lists(texts(in_batch=True), min_size=1, max_size=3))
def test_a_batch_reads_each_event_as_if_it_were_alone(bodies: list[bytes]) -> None:
    alone = [BATCH.read(body, LATEST) for body in bodies]
    try:
        together = read_events(BATCH, b'{"events":[' + b",".join(bodies) + b"]}", LATEST)
    except Problem:  # the whole is no JSON, or no batch
        assert any(isinstance(each, Invalid) for each in alone)
        return
    assert together == alone


def check_sound(draft: EventDraft) -> None:
    """Hold what was let through against what the rest of the system can keep."""
    text = draft.properties
    assert "\n" not in text
    properties = msgspec.json.decode(text)  # an independent, strict reader takes it too
    assert isinstance(properties, dict)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    (draft.name + (draft.external_id or "")).encode()
    assert datetime(2000, 1, 1, tzinfo=UTC) <= datetime.fromisoformat(draft.occurred_at) <= LATEST
    assert draft.occurred_at == format_time(datetime.fromisoformat(draft.occurred_at))
    assert len(text) <= 32 * 1024


PLAIN = '"name":"plan_upgraded","occurred_at":"2026-06-07T10:30:00Z"'
TIMES = (
    "2026-06-07T10:30:00.5Z",
    "2026-06-07T10:30:00.123456789Z",
    "2026-06-07t10:30:00z",
    "2026-06-07T12:30:00+02:00",
    "2026-06-07 10:30:00Z",
    "2026-06-07T10:30Z",
    "2026-06-07T10:30:00",
    "2026-06-07T10:30:00,5Z",
    "2026-06-07T10:30:00+0200",
    "20260607T103000Z",
    "2026-W23-7T10:30:00Z",
    "2026-06-07T10:30:60Z",
    "2026-06-07",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
)
EDGES = [
    *(f'{{"name":"a","occurred_at":"{text}"}}' for text in TIMES),
    f'{{{PLAIN},"name":"plan_upgraded"}}',
    f'{{{PLAIN},"properties":{{"a":1,"a":1}}}}',
    f'{{{PLAIN},"properties":{{"a":{{"b":"c","b":"c"}}}}}}',
    f'{{{PLAIN},"properties":{{}},"properties":{{}}}}',
    f'{{{PLAIN},"properties":null}}',
    f'{{{PLAIN},"properties":[]}}',
    f'{{{PLAIN},"properties":{{"a":"{"ü" * 16_380}"}}}}',
    f'{{{PLAIN},"properties":{{"a":"{"ü" * 16_381}"}}}}',
    f'{{{PLAIN},"properties":{{"a":"say \\"hi\\""}}}}',
    f'{{{PLAIN},"properties":{{"a":"gr\\u00fc\\u00dfe"}}}}',
    f'{{{PLAIN},"properties":{{"a":"\\u0000"}}}}',
    f'{{{PLAIN},"id":null}}',
    f'{{{PLAIN},"nmae":"a"}}',
    f'{{{PLAIN},"\\u006eame":"a"}}',
]


@pytest.mark.parametrize("text", EDGES)
@pytest.mark.parametrize("contact", ["", '"contact_id":17', '"external_id":"u"', '"contact_id":null,"external_id":"u"'])
def test_both_ways_agree_at_the_edges(text: str, contact: str) -> None:
    body = f"{text[:-1]},{contact}}}".encode() if contact else text.encode()
    agrees(BATCH if contact else SINGLE, body)
    if contact:
        alone, together = read_events(BATCH, b'{"events":[%s]}' % body, LATEST), [body] * 3
        assert alone == [BATCH.judge(body)]
        assert read_events(BATCH, b'{"events":[%s]}' % b",".join(together), LATEST) == alone * 3


class Counted(EventReader):
    """Counts the events that take the slow way."""

    judged = 0

    def judge(self, body: bytes) -> EventDraft | Invalid:
        self.judged += 1
        return super().judge(body)


@pytest.mark.parametrize(
    ("odd", "judged"),
    [
        (r'{"a":"say \"hi\""}', 0),
        (r'{"a":"gr\u00fc\u00dfe"}', 0),
        (r'{"a":"C:\\new"}', 0),
        ("7", 1),
        ('{"a":1,"a":1}', 1),
    ],
)
def test_only_what_needs_it_takes_the_slow_way(odd: str, judged: int) -> None:
    plain, other = (f'{{{PLAIN},"contact_id":17,"properties":{given}}}' for given in ('{"a":"b"}', odd))
    together, alone = (Counted(BatchEvent(lambda: NOW), in_batch=True) for _ in range(2))
    read_events(together, f'{{"events":[{plain},{other},{plain}]}}'.encode(), LATEST)
    alone.read(other.encode(), LATEST)
    assert (together.judged, alone.judged) == (judged, judged)
