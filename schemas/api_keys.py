"""API keys: their form, their scopes, and how one is looked up. Only a hash of a key's secret is ever stored.

A key reads `ce_<key id>_<secret>_<checksum>`: a prefix that secret scanners can know, the public key id, a secret of
256 random bits, and a checksum (CRC-32 of all before it) that tells a mistyped key from an unknown one at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from psycopg import Connection

SCOPES: Final = (
    "events:write",
    "events:read",
    "contacts:write",
    "contacts:read",
    "erase",
    "sidebar:mint",
    "admin",
)
_FORM = re.compile(r"ce_([a-z0-9]{16})_([0-9a-f]{64})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its holder sends it."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        text = f"ce_{self.key_id}_{self.secret}"
        return f"{text}_{zlib.crc32(text.encode()):08x}"

    def __repr__(self) -> str:
        return f"ApiKey({self.key_id!r}, ...)"  # a key in a traceback would be a key in a log

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 is enough for a secret of 256 random bits: there is nothing to guess."""
        return hashlib.sha256(self.secret.encode()).digest()

    @classmethod
    def make(cls, random: Callable[[int], bytes]) -> ApiKey:
        """Make a new key; `random` is `os.urandom` or its like."""
        return cls(random(8).hex(), random(32).hex())

    @classmethod
    def parse(cls, text: str) -> ApiKey | None:
        """Read a key; None for anything that no key of ours looks like."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        key = cls(match[1], match[2])
        return key if str(key) == text else None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the database knows it."""

    key_id: str
    workspace_id: int
    secret_hash: bytes
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None

    def accepts(self, key: ApiKey, now: datetime) -> bool:
        """Tell whether the secret is right and the key still in force; takes the same time for every wrong secret."""
        right = hmac.compare_digest(self.secret_hash, key.secret_hash)
        expired = self.expires_at is not None and self.expires_at <= now
        revoked = self.revoked_at is not None and self.revoked_at <= now
        return right and not expired and not revoked


def find_key(connection: Connection[Any], key_id: str) -> StoredKey | None:
    """Look a key up by its public id; None when there is none."""
    with connection.cursor(row_factory=class_row(StoredKey)) as cursor:
        cursor.execute(
            "SELECT key_id, workspace_id, secret_hash, scopes, expires_at, revoked_at"
            " FROM write_side.api_keys WHERE key_id = %(key_id)s",
            {"key_id": key_id},
        )
        return cursor.fetchone()


def insert_key(  # noqa: PLR0913 - one argument a column
    connection: Connection[Any],
    *,
    key: ApiKey,
    workspace_id: int,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
) -> None:
    """Store a new key's hash."""
    connection.execute(
        "INSERT INTO write_side.api_keys (key_id, workspace_id, name, secret_hash, scopes, expires_at)"
        " VALUES (%(key_id)s, %(workspace_id)s, %(name)s, %(secret_hash)s, %(scopes)s, %(expires_at)s)",
        {
            "key_id": key.key_id,
            "workspace_id": workspace_id,
            "name": name,
            "secret_hash": key.secret_hash,
            "scopes": scopes,
            "expires_at": expires_at,
        },
    )
