"""The sidebar's token: lets its holder see one contact for at most ten minutes, and nothing else.

A helpdesk's server mints one with an API key for the conversation that an agent has open. The sidebar never renews it;
it asks the page around it for a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from query.signing import Signer
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_LIFETIME: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation beside which the sidebar stands."""

    id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class SidebarToken:
    """What a token says."""

    workspace_id: int
    contact_id: int
    conversation: Conversation | None
    time_zone: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A new token, as its holder will send it."""

    text: str
    expires_at: datetime


class SidebarTokens:
    """Mints and verifies them."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._signer = Signer(secret, "sidebar token", now)

    def mint(
        self,
        workspace_id: int,
        contact_id: int,
        *,
        conversation: Conversation | None = None,
        time_zone: str | None = None,
        lifetime: timedelta = LONGEST_LIFETIME,
    ) -> MintedToken:
        """Make a token; `lifetime` is cut to ten minutes."""
        content: dict[str, object] = {"workspace": workspace_id, "contact": contact_id}
        if conversation is not None:
            content["conversation"] = [conversation.id, format_time(conversation.started_at)]
        if time_zone is not None:
            content["time_zone"] = time_zone
        return MintedToken(*self._signer.sign(content, min(lifetime, LONGEST_LIFETIME)))

    def verify(self, text: str) -> SidebarToken:
        """Read a token; raise query.signing.InvalidTokenError unless it is in force."""
        content, expires_at = self._signer.read(text)
        conversation = content.get("conversation")
        return SidebarToken(
            workspace_id=content["workspace"],
            contact_id=content["contact"],
            conversation=conversation and Conversation(conversation[0], datetime.fromisoformat(conversation[1])),
            time_zone=content.get("time_zone"),
            expires_at=expires_at,
        )
