"""How an agent comes in: a sign-in link, made by someone who may run `contact-events agents link`, opens a session.

The link's token stands in the fragment, which browsers never send: it is in no log and in no Referer header. The page's
script (or the reader, by pasting it) posts it, and gets a cookie that no script can read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from query.signing import InvalidTokenError, Signer

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE: Final = "contact_events_session"
LINK_LIFETIME: Final = timedelta(hours=12)
SESSION_LIFETIME: Final = timedelta(hours=12)
_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True)
class Session:
    """An agent at work in one workspace."""

    workspace_id: int
    expires_at: datetime


def local_path(text: str | None) -> str:
    """Give the path if it leads to a page of ours, else home: a link that signs in must not lead to a stranger."""
    return text if text and _LOCAL_PATH.fullmatch(text) else "/"


class Sessions:
    """Makes sign-in links, and turns their tokens into session cookies."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._links = Signer(secret, "sign-in link", now)
        self._cookies = Signer(secret, "agent session", now)

    def sign_in_link(self, base_url: str, workspace_id: int, next_path: str = "/") -> str:
        """Make a link that signs its reader in for the next twelve hours and then shows `next_path`."""
        token, _ = self._links.sign({"workspace": workspace_id}, LINK_LIFETIME)
        return f"{base_url}/sign-in?next={quote(local_path(next_path), safe='/')}#{token}"

    def open(self, token: str) -> tuple[Session, str]:
        """Turn a link's token into a session and its cookie; raise InvalidTokenError."""
        content, _ = self._links.read(token)
        cookie, expires_at = self._cookies.sign({"workspace": content["workspace"]}, SESSION_LIFETIME)
        return Session(content["workspace"], expires_at), cookie

    def read(self, cookie: str | None) -> Session | None:
        """Read a cookie; None unless its session is in force."""
        if not cookie:
            return None
        try:
            content, expires_at = self._cookies.read(cookie)
        except InvalidTokenError:
            return None
        return Session(content["workspace"], expires_at)
