"""The drill's auditor finds every kind of broken promise; one that cannot be caught proves nothing by its silence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.drill.audit import Accepted, Evidence, LogRecord, Row, audit

if TYPE_CHECKING:
    from collections.abc import Callable

CONTACT = 17


def recorded(offset: int, event_id: str, **data: Any) -> LogRecord:  # noqa: ANN401 - JSON
    value = {
        "type": "contact.event.recorded.v1",
        "subject": f"contacts/{CONTACT}",
        "id": event_id,
        "time": "2026-06-07T10:30:00Z",
        "data": {"name": "plan_upgraded", "properties": {"n": 1}} | data,
    }
    return LogRecord(0, offset, f"1/{CONTACT}/{offset}", value)


def row(offset: int, event_id: str) -> Row:
    return Row(CONTACT, event_id, "plan_upgraded", "2026-06-07T10:30:00Z", {"n": 1}, 0, offset)


def sound() -> Evidence:
    """Three events, one of them sent twice, a fourth erased and sent again; every promise kept."""
    log = [recorded(0, "a"), recorded(1, "b"), recorded(2, "b"), recorded(3, "c"), recorded(4, "d")]
    erasure = {"type": "contact.event.erased.v1", "subject": f"contacts/{CONTACT}", "id": "x", "data": {}}
    log += [LogRecord(0, 5, "1/17/5", erasure), recorded(6, "d"), LogRecord(0, 7, "1/17/4", None)]
    counts = Counter(read=8, applied=5, duplicate=1, refused=1, control=1)
    names = ("conflict", "dead_lettered", "set_aside")
    return Evidence(
        accepted=[Accepted(CONTACT, id_, step) for step, id_ in enumerate("abcd")],
        sent={(CONTACT, id_) for id_ in "abcd"},
        erased={(CONTACT, "d")},
        log=log,
        rows=[row(0, "a"), row(1, "b"), row(3, "c")],
        names={(CONTACT, "plan_upgraded"): 3},
        positions={0: {"next_offset": 8, **dict.fromkeys(names, 0), **counts}},
        log_ends={0: 8},
    )


def test_kept_promises_are_silent() -> None:
    assert audit(sound()) == []


def lose_from_timeline(evidence: Evidence) -> None:
    evidence.rows.pop(0)


def lose_from_log(evidence: Evidence) -> None:
    evidence.log.pop(3)


def show_twice(evidence: Evidence) -> None:
    evidence.rows.append(row(2, "b"))


def show_the_last_copy(evidence: Evidence) -> None:
    evidence.rows[1] = row(2, "b")


def show_other_content(evidence: Evidence) -> None:
    evidence.rows[0] = evidence.rows[0]._replace(properties={"n": 2})


def show_what_was_erased(evidence: Evidence) -> None:
    evidence.rows.append(row(4, "d"))


def show_what_nobody_sent(evidence: Evidence) -> None:
    evidence.rows.append(row(9, "z"))


def write_what_nobody_sent(evidence: Evidence) -> None:
    evidence.log.append(recorded(9, "z"))


def swap_in_the_log(evidence: Evidence) -> None:
    evidence.accepted[0] = Accepted(CONTACT, "a", 9)


def count_a_batch_twice(evidence: Evidence) -> None:
    evidence.names[CONTACT, "plan_upgraded"] = 6


def skip_a_batch(evidence: Evidence) -> None:
    evidence.positions[0]["read"] = 6


def lose_an_outcome(evidence: Evidence) -> None:
    evidence.positions[0]["duplicate"] = 0


def call_copies_applied(evidence: Evidence) -> None:
    evidence.positions[0] |= {"applied": 6, "duplicate": 0}


def stop_short(evidence: Evidence) -> None:
    evidence.log_ends[0] = 9


def differ_from_the_rebuild(evidence: Evidence) -> None:
    evidence.rebuilt_equal = False


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose_from_timeline, "accepted, but not on the timeline"),
        (lose_from_log, "accepted, but not in the log"),
        (show_twice, "more than once on the timeline"),
        (show_the_last_copy, "not what the first copy in the log says"),
        (show_other_content, "not what the first copy in the log says"),
        (show_what_was_erased, "erased, but on the timeline"),
        (show_what_nobody_sent, "never sent, but on the timeline"),
        (write_what_nobody_sent, "never sent, but in the log"),
        (swap_in_the_log, "out of order in the log"),
        (count_a_batch_twice, "counted wrongly"),
        (skip_a_batch, "records, 6 were counted"),
        (lose_an_outcome, "do not add up"),
        (call_copies_applied, "records counted as applied"),
        (stop_short, "is not applied to its end"),
        (differ_from_the_rebuild, "not what a rebuild makes"),
    ],
)
def test_every_harm_is_found(harm: Callable[[Evidence], None], said: str) -> None:
    evidence = sound()
    harm(evidence)
    assert any(said in fault for fault in audit(evidence)), evidence.faults
