"""What happens between the proof and the swap, and what may be explained by an erasure and what may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import projector.rebuild
from projector.errors import BusyError
from projector.housekeeping import NEW, OLD, claim, connect
from projector.proof import compare
from projector.rebuild import DifferentError
from projector.sets import open_rebuild, rebuild_and_swap, verify
from schemas.partitioning import contact_partition
from tests.integration.projector.sets import ignore, schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from projector.proof import Comparison, Snapshot
    from projector.settings import Settings
    from schemas.records import AnyRecord
    from tests.integration.projector.conftest import Log, Projection, Records

ELSEWHERE = next(number for number in range(18, 100) if contact_partition(1, number, 3) != contact_partition(1, 17, 3))


def test_what_comes_after_the_proof_is_in_the_swapped_set(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    log.append(records.event(17, "gone", properties='{"canary":1}'), records.event(17, "stays"))
    projection.catch_up()
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild.prove()
        log.append(records.event_erased(17, "gone"), records.event(17, "late"))
        projection.catch_up()
        before = projection.rows("SELECT log_partition, next_offset FROM positions ORDER BY 1")
        rebuild.swap()
    assert projection.rows("SELECT event_id FROM timeline ORDER BY 1") == [("late",), ("stays",)]
    assert projection.rows("SELECT log_partition, next_offset FROM positions ORDER BY 1") == before


def test_set_that_a_killed_swap_left_is_replaced(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    log.append(records.event(17))
    projection.catch_up()
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild.prove()
        rebuild.swap()
    assert schemas(projection) == {"projection", OLD}
    assert rebuild_and_swap(projector_settings, ignore).differences == []
    assert schemas(projection) == {"projection"}


def test_nothing_is_swapped_while_another_command_works_on_the_replaced_set(
    projection: Projection, projector_settings: Settings
) -> None:
    generations = projection.rows("SELECT generation FROM positions")
    with connect(projector_settings.database_url) as other, open_rebuild(projector_settings, NEW, ignore) as rebuild:
        assert claim(other, OLD)
        rebuild.prove()
        with pytest.raises(BusyError, match=OLD):
            rebuild.swap()
    assert schemas(projection) == {"projection", NEW}
    assert projection.rows("SELECT generation FROM positions") == generations


@pytest.fixture
def compared_while(
    log: Log, projection: Projection, monkeypatch: pytest.MonkeyPatch
) -> Callable[[AnyRecord], list[Comparison]]:
    """Let the first comparison take so long that a record comes meanwhile; what was compared."""

    def arrange(record: AnyRecord) -> list[Comparison]:
        made: list[Comparison] = []

        def slow(live: Snapshot, new: Snapshot) -> Comparison:
            made.append(compare(live, new))
            if len(made) == 1:
                log.append(record)
                projection.catch_up()
            return made[-1]

        monkeypatch.setattr(projector.rebuild, "compare", slow)
        return made

    return arrange


def lose(projection: Projection) -> None:
    """Make the live row of the event `gone` differ, as if the log had lost the record that it was made from."""
    projection.rows("UPDATE timeline SET record_id = gen_random_uuid() WHERE event_id = 'gone'")


def test_difference_that_an_erasure_explains_is_compared_again(
    log: Log,
    records: Records,
    projection: Projection,
    projector_settings: Settings,
    compared_while: Callable[[AnyRecord], list[Comparison]],
) -> None:
    log.append(records.event(17, "gone"), records.event(17, "stays"))
    projection.catch_up()
    lose(projection)
    made = compared_while(records.event_erased(17, "gone"))
    said: list[str] = []
    assert verify(projector_settings, said.append).differences == []
    assert "something was erased meanwhile: comparing once more" in said
    assert [len(comparison.differences) for comparison in made] == [1, 0]


def test_difference_in_a_partition_where_nothing_was_erased_is_a_fault_at_once(
    log: Log,
    records: Records,
    projection: Projection,
    projector_settings: Settings,
    compared_while: Callable[[AnyRecord], list[Comparison]],
) -> None:
    log.append(records.event(17, "gone"), records.event(ELSEWHERE))
    projection.catch_up()
    lose(projection)
    made = compared_while(records.contact_erased(ELSEWHERE))
    with pytest.raises(DifferentError):
        verify(projector_settings, ignore)
    assert len(made) == 1
