from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.positions import InvalidPositionError, Position

if TYPE_CHECKING:
    from uuid import UUID


@given(st.uuids(), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_a_token_reads_back_as_what_it_was_made_of(topic_id: UUID, partition: int, offset: int) -> None:
    position = Position(topic_id, partition, offset)
    assert Position.decode(position.encode()) == position


@pytest.mark.parametrize("token", ["", "x", "é" * 38, "A" * 37, "A" * 39, "=" * 38, "A" * 37 + "B"])
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidPositionError):
        Position.decode(token)
