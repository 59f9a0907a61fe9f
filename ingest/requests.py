"""What every request has in common: who is asking, and under which id it wants to be remembered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ingest.fields import EVENT_ID, LARGEST_ID
from runtime.authentication import require_scope
from runtime.problems import Fault

if TYPE_CHECKING:
    from flask import Request

    from runtime.authentication import KeyRing
    from schemas.api_keys import ApiKey, StoredKey

_NUMBER = re.compile(r"[1-9][0-9]{0,15}")
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


def authenticate(keys: KeyRing[ApiKey, StoredKey], request: Request, scope: str) -> StoredKey:
    """Find out whose key this is and that it may do this; raise Problem 401, 403 or 503."""
    key = keys.authenticate(request.headers.get("Authorization"))
    require_scope(key.scopes, scope)
    return key


def contact_id_from(text: str) -> int | None:
    """Read a contact's number from a path; None for what no contact can have."""
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= LARGEST_ID else None


def header_id(request: Request) -> str | None:
    """Take the id from the Idempotency-Key header, where there is one."""
    return request.headers.get(IDEMPOTENCY_KEY)


def id_faults(given: str | None, in_header: str | None) -> list[Fault]:
    """Find what is wrong with the header's id, also beside the body's."""
    if in_header is None:
        return []
    if not EVENT_ID.fullmatch(in_header):
        message = (
            f"{IDEMPOTENCY_KEY} must begin with a letter or digit and have at most 128 of the characters"
            " A-Z a-z 0-9 _ . : -"
        )
        return [Fault(IDEMPOTENCY_KEY, "invalid_id", message, EVENT_ID.pattern)]
    if given is not None and given != in_header:
        message = f"The id in the body and the header {IDEMPOTENCY_KEY} differ. Send one of them, or the same twice."
        return [Fault(IDEMPOTENCY_KEY, "two_ids", message)]
    return []
