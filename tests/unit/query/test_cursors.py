from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.cursors import Cursor, CursorSigner, InvalidCursorError

SIGNER = CursorSigner("a secret of the tests, long enough to sign")
CURSOR = Cursor("older", datetime(2026, 6, 7, 10, 30, 0, 250_000, UTC), 41)


@given(
    direction=st.sampled_from(["older", "newer"]),
    occurred_at=st.datetimes(timezones=st.just(UTC)),
    log_offset=st.integers(-1, 2**63 - 1),
)
def test_a_cursor_comes_back_as_it_was(direction: str, occurred_at: datetime, log_offset: int) -> None:
    cursor = Cursor(direction, occurred_at, log_offset)  # type: ignore[arg-type] # one of the two words

    text = SIGNER.encode(cursor, "3/17")

    assert text is not None
    assert SIGNER.decode(text, "3/17") == cursor


@pytest.mark.parametrize("of", ["3/18", "4/17", "3/contacts", ""])
def test_a_cursor_of_another_list_is_refused(of: str) -> None:
    text = SIGNER.encode(CURSOR, "3/17")

    assert text is not None
    with pytest.raises(InvalidCursorError):
        SIGNER.decode(text, of)


def test_a_cursor_signed_with_another_secret_is_refused() -> None:
    text = CursorSigner("another secret of the tests, as long").encode(CURSOR, "3/17")

    assert text is not None
    with pytest.raises(InvalidCursorError):
        SIGNER.decode(text, "3/17")


def test_no_single_changed_character_gets_through() -> None:
    text = SIGNER.encode(CURSOR, "3/17")
    assert text is not None

    for place, character in enumerate(text):
        other = "A" if character != "A" else "B"
        changed = text[:place] + other + text[place + 1 :]
        try:
            decoded = SIGNER.decode(changed, "3/17")
        except InvalidCursorError:
            continue
        assert decoded == CURSOR  # the last character has bits that carry nothing


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        SIGNER.decode(text, "3/17")
