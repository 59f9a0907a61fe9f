"""Event names: the convention, and what to tell a caller who does not follow it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

CONVENTION: Final = re.compile(r"[a-z][a-z0-9_]{0,127}")
"""Lowercase letters, digits and underscores. Matching it is also proof of every rule that a name has to keep."""

_CAPITAL_INSIDE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHERS = re.compile(r"[^a-z0-9]+")


def suggestion(name: str) -> str | None:
    """Write a name in the convention: `"Plan Upgraded"` gives `plan_upgraded`. None where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = _OTHERS.sub("_", _CAPITAL_INSIDE.sub("_", plain).lower()).strip("_")
    return words if CONVENTION.fullmatch(words) else None


def warnings(name: str) -> list[dict[str, Any]]:
    """Tell what is unusual about a name that is allowed."""
    if CONVENTION.fullmatch(name):
        return []
    better = suggestion(name)
    hint = f" Consider {better}." if better else ""
    message = f"Names are easier to find and count in lowercase with underscores.{hint}"
    warning = {"code": "unconventional_name", "pointer": "/name", "message": message}
    return [warning | ({"suggestion": better} if better else {})]
