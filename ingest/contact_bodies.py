"""From a body's bytes to what it says about a contact. Contacts are written seldom, so the rules read all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingest.events import Invalid, one_line
from ingest.rules import judge
from ingest.strict_json import UnreadableError, read_text
from runtime.problems import Fault

if TYPE_CHECKING:
    from ingest.rules import Rules
    from schemas.records import Profile


class ContactBody(msgspec.Struct, frozen=True):
    """A body that keeps all rules."""

    profile: Profile
    custom_data: str | None
    update_id: str | None = None
    external_id: str | None = None


class _Texts(msgspec.Struct, gc=False):
    custom_data: msgspec.Raw = msgspec.Raw(b"null")


_texts = msgspec.json.Decoder(_Texts)


def read_contact(rules: Rules, body: bytes) -> ContactBody | Invalid:
    """Read what a body says about a contact, or every fault of it."""
    try:
        verdict = judge(rules, read_text(body), {"custom_data": _custom_data(body)})
    except UnreadableError as error:
        return Invalid([Fault("", error.code, error.detail)], unreadable=True)
    if verdict.values is None:
        return Invalid(verdict.faults)
    values: dict[str, Any] = dict(verdict.values)
    profile: Profile = {}
    if "email" in values:
        profile["email"] = values["email"]
    if "name" in values:
        profile["name"] = values["name"]
    return ContactBody(profile, values.get("custom_data"), values.get("update_id"), values.get("external_id"))


def _custom_data(body: bytes) -> str:
    try:
        return one_line(bytes(_texts.decode(body).custom_data))
    except (msgspec.DecodeError, RecursionError):
        return ""
