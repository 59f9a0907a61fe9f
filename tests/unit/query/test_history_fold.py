"""A contact as it was is folded as the projector folds it; each change tells what led from one state to the next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from projector.fold import apply_change, change_data, change_type
from query.history_fold import State, StoredChange, text_of
from schemas.canonical import join
from schemas.records import ContactCreated, ContactUpdated
from schemas.times import format_time

if TYPE_CHECKING:
    from projector.fold import Change, Contact

NOON = datetime(2026, 6, 7, 12, tzinfo=UTC)
RECORD = UUID("0197b7a0-0000-7000-8000-000000000001")

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "é"]) | st.just(1.50)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner)
)
patches = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
profiles = st.dictionaries(st.sampled_from(["email", "name"]), st.none() | st.sampled_from("xy"))


def changes(patch: dict[str, Any], profile: dict[str, Any], number: int) -> Change:
    common: dict[str, Any] = {"workspace_id": 1, "contact_id": 17, "record_id": RECORD, "id": str(number)}
    common["received_at"] = NOON + timedelta(seconds=number)
    text = json.dumps(patch, ensure_ascii=bool(number % 2))  # the same text in two spellings
    if number % 5 == 0:
        name = profile.get("name")
        return ContactCreated(**common, external_id="x", email=profile.get("email"), name=name, custom_data=text)
    return ContactUpdated(**common, profile=profile, custom_data=text)  # type: ignore[arg-type] # two keys alone


@example([({"a": "é"}, {}), ({"a": "é"}, {})])  # spelt in two ways: no change
@example([({"a": {"b": ["é"]}}, {}), ({"a": {"b": ["é"]}}, {})])
@given(st.lists(st.tuples(patches, profiles), min_size=1, max_size=12))
def test_the_same_state_as_the_projectors(steps: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    state, contact = State(from_the_start=True), None
    told: dict[str, Any] = {}
    for number, (patch, profile) in enumerate(steps):
        record = changes(patch, profile, number)
        contact = apply_change(contact, record, 0, number)
        stored = StoredChange(str(number), change_type(record), change_data(record), record.received_at, number)
        for value in state.apply(stored, 17).custom_data:
            assert (None if value.before is None else json.loads(value.before)) == told.get(value.key)
            assert value.before_known
            if value.after is None:
                told.pop(value.key)
            else:
                told[value.key] = json.loads(value.after)
        check(state, contact, told)


def check(state: State, contact: Contact, told: dict[str, Any]) -> None:
    assert join(state.custom_data) == contact.custom_data
    assert told == json.loads(contact.custom_data)
    moments = {key: format_time(moment) for key, moment in state.changed_at().items()}
    assert moments == json.loads(contact.custom_data_changed_at)
    assert (text_of(state.profile.get("email")), text_of(state.profile.get("name"))) == (contact.email, contact.name)
