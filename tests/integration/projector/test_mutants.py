"""Projectors with a fault built in on purpose: the audit catches each, and is silent about the sound one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import projector.position_table
import projector.timeline_table
import projector.writer
from projector.errors import FencedError
from projector.position_table import Stored
from projector.replay import Replay
from projector.writer import Writer
from runtime.postgres import Watchdog
from tests.drill.audit import Accepted, audit
from tests.drill.evidence import gather
from tests.integration.projector.conftest import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projector.batch import Batch
    from tests.drill.audit import Evidence
    from tests.integration.projector.conftest import Log, Projection, Records
    from tests.parts import Parts


class CrashError(Exception):
    """What a kill is to a transaction."""


class Story:
    """Events in three steps, with copies, conflicts and an erasure; folded by a projector that crashes now and then."""

    def __init__(
        self, stack: Parts, log: Log, records: Records, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.stack = stack
        self.log = log
        self.records = records
        self.database_url = database_url
        self.patch = monkeypatch
        self.accepted: list[Accepted] = []
        self.commits = 0
        self._announce = projector.position_table.announce

    def write(self) -> None:
        for step in range(3):
            for contact_id in range(1, 13):
                events = [self.records.event(contact_id, f"e{step}-{number}") for number in range(5)]
                self.log.append(*events, events[0])
                self.log.append(self.records.event(contact_id, events[1].id, properties='{"changed":true}'))
                self.accepted += [Accepted(contact_id, event.id, step) for event in events]
        self.log.append(self.records.event_erased(5, "e0-3"), self.records.event(5, "e0-3"))

    def crash_sometimes(self) -> None:
        """Die every third time at the very last statement before the commit."""

        def announce(*arguments: Any) -> None:  # noqa: ANN401 - passed through
            self.commits += 1
            if self.commits % 3 == 0:
                raise CrashError
            self._announce(*arguments)

        self.patch.setattr(projector.writer, "announce", announce)

    def fold(self, projection: Projection, writer_class: type[Writer] = Writer) -> None:
        for _ in range(200):
            writer = writer_class(self.database_url, "projection", projection.topic, Watchdog())
            try:
                Replay(projection.consumer, writer, projection.topic, 20).run(self.log.ends())
            except CrashError:
                continue
            else:
                return
            finally:
                writer.close()
        raise AssertionError("it never came to the end")

    def evidence(self) -> Evidence:
        found = gather(self.stack.bootstrap_servers, self.log.topic, PARTITIONS, self.database_url)
        found.accepted = self.accepted
        found.sent = {(one.contact_id, one.event_id) for one in self.accepted}
        found.erased = {(5, "e0-3")}
        return found


@pytest.fixture
def story(stack: Parts, log: Log, records: Records, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Story:
    story = Story(stack, log, records, database_url, monkeypatch)
    story.write()
    story.crash_sometimes()
    return story


def change_merge(story: Story, old: str, new: str) -> None:
    merge = projector.timeline_table._MERGE  # noqa: SLF001 - the statement is what is broken on purpose
    assert old in merge
    story.patch.setattr(projector.timeline_table, "_MERGE", merge.replace(old, new))


def test_sound_projector_is_not_accused(story: Story, projection: Projection) -> None:
    story.fold(projection)
    assert story.commits > 10
    assert audit(story.evidence()) == []


def test_dedupe_key_dropped(story: Story, projection: Projection) -> None:
    projection.rows("ALTER TABLE timeline DROP CONSTRAINT timeline_pkey")
    change_merge(story, "ON CONFLICT (workspace_id, contact_id, event_id) DO NOTHING", "")
    story.fold(projection)
    assert any("more than once on the timeline" in fault for fault in audit(story.evidence()))


def test_last_copy_wins(story: Story, projection: Projection) -> None:
    change_merge(story, "ORDER BY log_partition, log_offset", "ORDER BY log_partition, log_offset DESC")
    story.fold(projection)
    assert any("not what the first copy in the log says" in fault for fault in audit(story.evidence()))


def test_erased_id_let_in_again(story: Story, projection: Projection) -> None:
    change_merge(story, "e.event_id = i.event_id)", "e.event_id = i.event_id AND false)")
    story.fold(projection)
    assert any("erased, but on the timeline" in fault for fault in audit(story.evidence()))


def test_position_outside_the_transaction(story: Story, projection: Projection) -> None:
    advance = projector.position_table.advance

    def advance_elsewhere(_: object, *arguments: Any) -> None:  # noqa: ANN401 - passed through
        advance(projection.connection, *arguments)

    story.patch.setattr(projector.writer, "advance", advance_elsewhere)
    story.patch.setattr(projector.writer, "fence", lambda *_: None)  # it would wait for its own lock
    story.fold(projection)
    assert any("accepted, but not on the timeline" in fault for fault in audit(story.evidence()))


class Swallowing(Writer):
    """Takes a failed batch for a written one."""

    def write(self, batch: Batch, expected: Mapping[int, Stored], *arguments: Any) -> dict[int, Stored]:  # noqa: ANN401
        try:
            return super().write(batch, expected, *arguments)
        except CrashError:
            return {partition: Stored(batch.next_offsets[partition], 1) for partition in expected}


def test_swallowed_exception_without_a_fence(story: Story, projection: Projection) -> None:
    story.patch.setattr(projector.writer, "fence", lambda *_: None)
    story.fold(projection, Swallowing)
    assert any("accepted, but not on the timeline" in fault for fault in audit(story.evidence()))


def test_swallowed_exception_is_stopped_by_the_fence(story: Story, projection: Projection) -> None:
    with pytest.raises(FencedError):
        story.fold(projection, Swallowing)


class Skipping(Writer):
    """Moves the position past every fourth batch without applying it."""

    number = 0

    def write(self, batch: Batch, *arguments: Any) -> dict[int, Stored]:  # noqa: ANN401 - passed through
        Skipping.number += 1
        if Skipping.number % 4 == 0:
            batch.items.clear()
            batch.counts.clear()
        return super().write(batch, *arguments)


def test_skipped_batch(story: Story, projection: Projection) -> None:
    story.fold(projection, Skipping)
    faults = audit(story.evidence())
    assert any("accepted, but not on the timeline" in fault for fault in faults)
    assert any("were counted" in fault for fault in faults)


class Committing(Writer):
    """Trusts offsets that the consumer committed before the batch was written: what auto-commit does."""

    committed: dict[int, int]

    def positions(self, partitions: Any) -> dict[int, Stored]:  # noqa: ANN401 - passed through
        stored = super().positions(partitions)
        known = type(self).__dict__.get("committed", {})
        return {p: Stored(max(one.next_offset, known.get(p, 0)), one.generation) for p, one in stored.items()}

    def write(self, batch: Batch, *arguments: Any) -> dict[int, Stored]:  # noqa: ANN401 - passed through
        type(self).committed = {**type(self).__dict__.get("committed", {}), **batch.next_offsets}
        return super().write(batch, *arguments)


def test_auto_commit(story: Story, projection: Projection) -> None:
    story.patch.setattr(projector.writer, "fence", lambda *_: None)
    story.fold(projection, Committing)
    assert any("accepted, but not on the timeline" in fault for fault in audit(story.evidence()))


def test_counters_outside_the_dedupe(story: Story, projection: Projection) -> None:
    change_merge(
        story, "FROM fresh GROUP BY workspace_id, contact_id", "FROM incoming GROUP BY workspace_id, contact_id"
    )
    story.fold(projection)
    assert any("counted wrongly" in fault for fault in audit(story.evidence()))
