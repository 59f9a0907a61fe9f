"""Signed tokens that end by themselves: what we hand out must come back unchanged and in time, or not at all.

A token is readable by its holder and kept nowhere; changing `SECRET_KEY` ends them all at once.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from itsdangerous import BadData, URLSafeSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST: Final = 4_096


class InvalidTokenError(Exception):
    """The text is not a token of this kind in force; `expired` tells whether it once was."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("expired" if expired else "invalid")
        self.expired = expired


class Signer:
    """Writes and reads tokens of one kind: a token of one `purpose` is worth nothing for another."""

    def __init__(self, secret: str, purpose: str, now: Callable[[], datetime]) -> None:
        self._now = now
        self._serializer = URLSafeSerializer(
            secret,
            salt=f"contact-events {purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def sign(self, content: dict[str, Any], lifetime: timedelta) -> tuple[str, datetime]:
        """Write a token; give it with the moment at which it ends."""
        expires_at = (self._now() + lifetime).replace(microsecond=0)
        return str(self._serializer.dumps(content | {"exp": int(expires_at.timestamp())})), expires_at

    def read(self, text: str) -> tuple[dict[str, Any], datetime]:
        """Read a token and the moment at which it ends; raise InvalidTokenError unless it is in force."""
        if len(text) > _LONGEST:
            raise InvalidTokenError(expired=False)
        try:
            content: dict[str, Any] = self._serializer.loads(text)
        except BadData as error:
            raise InvalidTokenError(expired=False) from error
        expires_at = datetime.fromtimestamp(content["exp"], UTC)
        if expires_at <= self._now():
            raise InvalidTokenError(expired=True)
        return content, expires_at
