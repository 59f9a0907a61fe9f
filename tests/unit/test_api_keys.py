from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.api_keys import ApiKey, StoredKey

NOW = datetime(2026, 6, 7, 10, 30, tzinfo=UTC)
KEY = ApiKey.make(lambda count: bytes(range(count)))


def stored(key: ApiKey = KEY, *, expires_at: datetime | None = None, revoked_at: datetime | None = None) -> StoredKey:
    return StoredKey(key.key_id, 1, key.secret_hash, ["events:write"], expires_at, revoked_at)


def test_a_key_reads_back_as_what_was_written() -> None:
    key = ApiKey.make(os.urandom)
    assert ApiKey.parse(str(key)) == key


@given(st.integers(0, 91), st.sampled_from("0123456789abcdefgz_"))
def test_one_wrong_character_is_noticed(place: int, character: str) -> None:
    text = str(KEY)
    wrong = text[:place] + character + text[place + 1 :]
    assert ApiKey.parse(wrong) in ({None} if wrong != text else {KEY})


@pytest.mark.parametrize("text", ["", "ce_", str(KEY)[:-1], str(KEY) + "0", f" {KEY}", str(KEY).upper()])
def test_what_is_no_key_is_none(text: str) -> None:
    assert ApiKey.parse(text) is None


def test_the_secret_does_not_show_in_a_traceback() -> None:
    assert KEY.secret not in repr(KEY)


def test_only_the_right_secret_in_force_is_accepted() -> None:
    other = ApiKey(KEY.key_id, "0" * 64)
    assert stored().accepts(KEY, NOW)
    assert not stored().accepts(other, NOW)
    assert not stored(expires_at=NOW).accepts(KEY, NOW)
    assert stored(expires_at=NOW + timedelta(seconds=1)).accepts(KEY, NOW)
    assert not stored(revoked_at=NOW).accepts(KEY, NOW)
