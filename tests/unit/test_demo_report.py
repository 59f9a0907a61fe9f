"""What the demo prints and remembers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.demo import report, stars
from cli.demo.memory import recall_or_begin, remember
from cli.demo.sending import Sent, event_body

if TYPE_CHECKING:
    from pathlib import Path

END = datetime(2026, 11, 24, 11, tzinfo=UTC)


def test_the_quarter_keeps_the_hour_of_the_first_run(tmp_path: Path) -> None:
    file = tmp_path / ".run" / "demo.json"
    first = recall_or_begin(file, datetime(2026, 11, 24, 11, 59, 59, tzinfo=UTC))
    assert first.end == END
    first.contacts["shop-1"] = 17
    remember(file, first)
    assert recall_or_begin(file, datetime(2027, 1, 1, tzinfo=UTC)) == first


def test_counts_tell_new_from_known() -> None:
    sent = Sent({"a": 1, "b": 2}, created=0, accepted=7, before={"a": 3, "b": 4}, after={"a": 3, "b": 4})
    assert "\n".join(report.counts(sent)).split() == (
        "Contacts 2 accepted 0 new 2 known already Events 7 accepted 0 new 7 duplicates".split()  # noqa: SIM905 - reads as printed
    )


def test_the_timeline_reads_newest_first_in_the_shops_own_time() -> None:
    story = stars.upgraded(END)
    events = [event_body(event, 17) for event in reversed(story.events)]
    for event in events:  # as the API writes it
        event["occurred_at"] = datetime.fromisoformat(event["occurred_at"]).astimezone(UTC).isoformat()
    lines = list(report.timeline(story, 17, events))
    assert lines[0] == "Maya Lindqvist · Fjord & Fern, Göteborg · shop-48213 · contact 17"
    assert "plan: pro" in lines[1]
    upgrade = next(line for line in lines if "plan_upgraded" in line)
    assert upgrade.split()[:4] == ["11:31", "plan_upgraded", "from_plan:", "starter"]
    assert "mrr_delta: 50" in upgrade
    assert lines.index("  Sun 22 Nov") < lines.index("  Sat 21 Nov")


def test_the_curl_holds_a_fresh_event() -> None:
    lines = list(report.curl("http://here", "ce_key", 17, datetime(2026, 11, 24, 11, 30, 12, 5, tzinfo=UTC)))
    assert "  curl http://here/api/v1/contacts/17/events \\" in lines
    event = json.loads(lines[-1].split("'")[1])
    assert event["occurred_at"] == "2026-11-24T11:30:12Z"
    assert event["id"] == "by-hand-20261124T113012Z"


def test_links_lead_to_the_profiles() -> None:
    numbers = {external_id: number for number, (external_id, _) in enumerate(report.WORTH_LOOKING_AT, start=17)}
    text = "\n".join(report.pages(lambda path: f"LINK{path}", numbers, "http://desk"))
    assert all(f"LINK{path}\n" in text for path in ("/", "/contacts/17", "/contacts/18", "/contacts/19"))
    assert "http://desk" in text
    assert "demo helpdesk" in "\n".join(report.pages(lambda path: path, numbers, None))
