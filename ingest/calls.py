"""One request as its handler gets it, and the answer that the handler gives back: neither knows how it is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Request

    from ingest.workspaces import Allowance
    from schemas.api_keys import StoredKey

JSON = "application/json"

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Call:
    """A request, and what is found out about it on the way, so that a refusal can be noted with it.

    `route` is the method and the path as they are documented: `POST /api/v1/contacts/{contact_id}/events`.
    """

    request: Request
    request_id: str
    route: str
    key: StoredKey | None = None
    allowance: Allowance | None = None
    event_name: object = None

    def rate_headers(self) -> dict[str, str]:
        """Say what is left of the allowance, where there is one."""
        if self.allowance is None:
            return {}
        return {
            "RateLimit-Limit": str(self.allowance.limit),
            "RateLimit-Remaining": str(self.allowance.remaining),
            "RateLimit-Reset": str(self.allowance.reset),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, document: Mapping[str, Any]) -> Answer:
        """Make a JSON answer."""
        return cls(status, _encode(document))
