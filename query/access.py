"""Who is looking: an API key, an agent's session or a sidebar token. The workspace comes from the credential alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from query.sessions import COOKIE, Session, Sessions
from query.signing import InvalidTokenError
from runtime.authentication import KeyRing, require_scope, unauthorized
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from flask import Request

    from query.sidebar_tokens import Conversation, SidebarTokens
    from schemas.api_keys import ApiKey, StoredKey

_CONTACT_ID: Final = re.compile(r"[1-9][0-9]{0,15}")
_LARGEST_ID: Final = 2**53 - 1
_KEY_PREFIX: Final = "ce_"
READ_SCOPES: Final = frozenset({"contacts:read", "events:read"})


class Viewer(msgspec.Struct, frozen=True):
    """Somebody who may read: one contact alone where `contact_id` is set, and only until `expires_at`."""

    kind: Literal["key", "agent", "sidebar"]
    workspace_id: int
    scopes: Collection[str] = READ_SCOPES
    contact_id: int | None = None
    conversation: Conversation | None = None
    time_zone: str | None = None
    expires_at: datetime | None = None


class SignInRequiredError(Exception):
    """A page was asked for without a session."""


def contact_not_found() -> Problem:
    """Make the one answer for contacts that are unknown, of another workspace, or no ids at all: gives nothing away."""
    return Problem(404, "contact_not_found", "There is no contact with this id in your workspace.")


class Access:
    """Decides about requests. Every route asks it first."""

    def __init__(self, keys: KeyRing[ApiKey, StoredKey], sessions: Sessions, sidebar_tokens: SidebarTokens) -> None:
        self._keys = keys
        self._sessions = sessions
        self._sidebar_tokens = sidebar_tokens

    def agent(self, request: Request) -> Session:
        """Name the agent's session; raise SignInRequiredError when there is none in force."""
        session = self._sessions.read(request.cookies.get(COOKIE))
        if session is None:
            raise SignInRequiredError
        return session

    def viewer(self, request: Request) -> Viewer:
        """Name the one who asks; raise Problem 401. An Authorization header counts before a cookie, also a bad one."""
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            return self._bearer(authorization)
        session = self._sessions.read(request.cookies.get(COOKIE))
        if session is not None:
            return Viewer("agent", session.workspace_id, expires_at=session.expires_at)
        detail = "Send your API key as `Authorization: Bearer YOUR_API_KEY`, or sign in."
        raise unauthorized("missing_credentials", detail)

    def workspace_viewer(self, request: Request, scope: str, *, or_scope: str | None = None) -> Viewer:
        """Let somebody pass who may read across the workspace by one of the scopes; raise Problem 401 or 403."""
        viewer = self.viewer(request)
        if viewer.contact_id is not None:
            raise Problem(403, "one_contact_only", "A sidebar token shows its own contact and nothing else.")
        if or_scope not in viewer.scopes:
            require_scope(list(viewer.scopes), scope)
        return viewer

    def contact_viewer(self, request: Request, contact_id: str, scope: str) -> tuple[Viewer, int]:
        """Let somebody pass who may read this contact, if it exists; raise Problem 401, 403 or 404."""
        viewer = self.viewer(request)
        require_scope(list(viewer.scopes), scope)
        if not _CONTACT_ID.fullmatch(contact_id) or int(contact_id) > _LARGEST_ID:
            raise contact_not_found()
        if viewer.contact_id not in (None, int(contact_id)):
            raise contact_not_found()
        return viewer, int(contact_id)

    def key(self, request: Request, scope: str) -> StoredKey:
        """Let an API key pass that has the scope, and no other credential; raise Problem 401 or 403."""
        key = self._keys.authenticate(request.headers.get("Authorization"))
        require_scope(key.scopes, scope)
        return key

    def _bearer(self, authorization: str) -> Viewer:
        scheme, _, text = authorization.partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text or text.startswith(_KEY_PREFIX):
            key = self._keys.authenticate(authorization)
            return Viewer("key", key.workspace_id, frozenset(key.scopes), expires_at=key.expires_at)
        try:
            token = self._sidebar_tokens.verify(text)
        except InvalidTokenError as error:
            if error.expired:
                raise unauthorized("sidebar_token_expired", "This sidebar token has ended. Mint a new one.") from None
            raise unauthorized(
                "invalid_credentials", "This is neither an API key nor a sidebar token of ours."
            ) from None
        return Viewer(
            "sidebar",
            token.workspace_id,
            contact_id=token.contact_id,
            conversation=token.conversation,
            time_zone=token.time_zone,
            expires_at=token.expires_at,
        )
