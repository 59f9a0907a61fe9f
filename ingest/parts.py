"""What the handlers work with, made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from ingest.advice import Advice
    from ingest.contacts import Contacts
    from ingest.erasing import Erasing
    from ingest.event_names import EventNames
    from ingest.events import EventReader
    from ingest.key_use import KeyUse
    from ingest.known_contacts import KnownContacts
    from ingest.recording import Recording
    from ingest.refusals import Refusals
    from ingest.rules import Rules
    from ingest.workspaces import RateLimits, Workspaces
    from runtime.authentication import KeyRing
    from schemas.api_keys import ApiKey, StoredKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One instance serves all requests of a process."""

    keys: KeyRing[ApiKey, StoredKey]
    key_use: KeyUse
    workspaces: Workspaces
    rates: RateLimits
    known: KnownContacts
    advice: Advice
    recording: Recording
    contacts: Contacts
    erasing: Erasing
    event_names: EventNames
    events: EventReader
    batch_events: EventReader
    contact_rules: Rules
    change_rules: Rules
    refusals: Refusals
    name_rules: Rules
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
