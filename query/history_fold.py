"""What a contact's changes make of it: the same fold as the projector's, told change by change.

The history keeps what each change said, not what was there before it. So values before a change come from the changes
before it; where those go back to the contact's creation, all of them are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from schemas.canonical import canonical, join, members, merge_patch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A key that got another value; JSON texts, None where there was none. Not `before_known`: too long ago to tell."""

    key: str
    before: str | None
    after: str | None
    before_known: bool = True


@dataclass(frozen=True, slots=True)
class ContactChange:
    """What one change did to a contact; both parts may be empty, where it said nothing new."""

    id: str
    contact_id: int
    kind: Literal["created", "updated"]
    received_at: datetime
    profile: tuple[ValueChange, ...]
    custom_data: tuple[ValueChange, ...]
    log_offset: int

    @property
    def occurred_at(self) -> datetime:
        """When it took effect: its place among events."""
        return self.received_at


@dataclass(frozen=True, slots=True, order=True)
class StoredChange:
    """A row of the history; in the order of the log, which is the order in which changes count."""

    id: str = field(compare=False)
    type: str = field(compare=False)
    change: str = field(compare=False)
    received_at: datetime = field(compare=False)
    log_offset: int

    @property
    def key(self) -> tuple[datetime, int]:
        """Its place on a page."""
        return self.received_at, self.log_offset


def told(stored: Iterable[StoredChange], contact_id: int, *, from_the_start: bool) -> dict[str, ContactChange]:
    """Fold changes and tell each by its id; `from_the_start`: the oldest of them is the contact's first."""
    state = State(from_the_start=from_the_start)
    return {row.id: state.apply(row, contact_id) for row in sorted(stored)}


class _Said(msgspec.Struct):
    email: str | None = None
    name: str | None = None
    profile: dict[str, msgspec.Raw] = {}
    custom_data: msgspec.Raw = msgspec.Raw(b"{}")


_SPELT_SEVERAL_WAYS: Final = frozenset((b"{", b"[", b'"'))
_said: Final = msgspec.json.Decoder(_Said)
_decode_text: Final = msgspec.json.Decoder(str | None)
_encode: Final = msgspec.json.Encoder().encode


class State:
    """What is known of a contact while its changes are folded, oldest first."""

    def __init__(self, *, from_the_start: bool) -> None:
        self.profile: dict[str, bytes] = {}
        self.custom_data: dict[str, bytes] = {}
        self._moments: dict[str, datetime] = {}
        self._from_the_start = from_the_start
        self._known: set[str] = set()

    def apply(self, row: StoredChange, contact_id: int) -> ContactChange:
        """Take a change in, and tell what it changed."""
        said = _said.decode(row.change)
        created = row.type.startswith("contact.created")
        profile = {key: bytes(value) for key, value in said.profile.items()}
        if created:
            profile = {
                key: _encode(text) for key, text in (("email", said.email), ("name", said.name)) if text is not None
            }
        patch = members(bytes(said.custom_data).decode())
        return ContactChange(
            row.id,
            contact_id,
            "created" if created else "updated",
            row.received_at,
            tuple(self._set(self.profile, profile, "profile/")),
            tuple(self._set(self.custom_data, patch, "", row.received_at)),
            row.log_offset,
        )

    def changed_at(self) -> dict[str, datetime]:
        """Tell when each key of the custom data got its value."""
        return {key: self._moments[key] for key in self.custom_data}

    def _set(
        self, target: dict[str, bytes], patch: dict[str, bytes], space: str, at: datetime | None = None
    ) -> Iterator[ValueChange]:
        for key, value in patch.items():
            before = target.get(key)
            known = self._from_the_start or space + key in self._known
            after = _merged(key, before, value)
            if after is None:
                target.pop(key, None)
            else:
                target[key] = after
            if known or not value.startswith(b"{"):  # an object is merged into what was there
                self._known.add(space + key)
            if known and _same(before, after):
                continue
            if at is not None:
                self._moments[key] = at
            yield ValueChange(key, _maybe(before if known else None), _maybe(after), known)


def _merged(key: str, before: bytes | None, value: bytes) -> bytes | None:
    if not value.startswith(b"{"):
        return None if value == b"null" else value
    merged = merge_patch(join({} if before is None else {key: before}), join({key: value}))
    return members(merged)[key]


def _maybe(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _same(before: bytes | None, after: bytes | None) -> bool:
    if before is None or after is None:
        return before is after
    if before == after:
        return True
    if before[:1] not in _SPELT_SEVERAL_WAYS or before[:1] != after[:1]:  # numbers stand as they are: most changes
        return False
    return canonical(before.decode()) == canonical(after.decode())


def text_of(value: bytes | None) -> str | None:
    """Read a JSON text or null."""
    return None if value is None else _decode_text.decode(value)
