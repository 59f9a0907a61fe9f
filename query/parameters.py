"""Query parameters: each is read by name and checked; what is wrong or unknown is told all at once.

An unknown parameter is an error, since a misspelt filter that is ignored shows the wrong events.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from query.cursors import InvalidCursorError
from query.time_zones import is_time_zone
from runtime.problems import Fault, Problem
from schemas.positions import InvalidPositionError, Position

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from query.cursors import Cursor, CursorSigner

MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
MOST_NAMES: Final = 20


class Parameters:
    """Takes parameters out of a query string and notes what is wrong; `finish` raises when anything was."""

    def __init__(self, given: MultiDict[str, str]) -> None:
        self._given = given
        self._known: set[str] = set()
        self._faults: list[Fault] = []

    def fault(self, name: str, code: str, message: str, limit: int | str | None = None) -> None:
        """Note a fault of a parameter."""
        self._faults.append(Fault(name, code, message, limit))

    def text(self, name: str, longest: int) -> str | None:
        """Take a text; None when it is absent or empty."""
        value = self._one(name)
        if value is not None and len(value) > longest:
            self.fault(name, "too_long", f"{name} has {len(value)} characters.", longest)
            return None
        return value

    def texts(self, name: str, longest: int) -> tuple[str, ...]:
        """Take a parameter that may be repeated."""
        self._known.add(name)
        values = tuple(dict.fromkeys(value for value in self._given.getlist(name) if value))
        if len(values) > MOST_NAMES:
            self.fault(name, "too_many", f"{name} is given {len(values)} times.", MOST_NAMES)
        for value in values:
            if "\0" in value or len(value) > longest:
                self.fault(name, "too_long", f"{name} has over {longest} characters, or a NUL.", longest)
        return values

    def prefixed(self, prefix: str) -> list[tuple[str, str]]:
        """Take all parameters whose names begin so, each with what follows the prefix; empty ones are left out."""
        names = [name for name in dict.fromkeys(self._given) if name.startswith(prefix)]
        given = [(name.removeprefix(prefix), self._one(name)) for name in names]
        for key, _ in given:
            if "\0" in key:
                self.fault(prefix, "invalid_text", f"A name that begins with {prefix} has a NUL character.")
        return [(key, value) for key, value in given if value]

    def flag(self, name: str) -> bool | None:
        """Take true or false; None when it is absent."""
        value = self._one(name)
        if value not in {None, "true", "false"}:
            self.fault(name, "invalid_flag", f"{name} should be true or false.")
        return None if value is None else value == "true"

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Take one of a few words; the first when it is absent."""
        value = self._one(name)
        if value is not None and value not in choices:
            self.fault(name, "unknown_choice", f"{name} should be one of {', '.join(choices)}.")
            return choices[0]
        return value or choices[0]

    def limit(self, default: int = 50, most: int = 200) -> int:
        """Take `limit`."""
        value = self._one("limit")
        if value is None:
            return default
        if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= most:
            self.fault("limit", "out_of_range", f"limit should be a whole number from 1 to {most}.", most)
            return default
        return int(value)

    def moment(self, name: str) -> datetime | None:
        """Take a time with an offset, e.g. 2026-06-07T10:30:00Z."""
        value = self._one(name)
        if value is None:
            return None
        if MOMENT.fullmatch(value):
            with suppress(ValueError, OverflowError):
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
        hint = " A + in a URL must be written %2B." if " " in value else ""
        self.fault(name, "invalid_time", f"{name} should be a time such as 2026-06-07T10:30:00Z.{hint}")
        return None

    def time_zone(self, default: str) -> str:
        """Take `time_zone`, an IANA name."""
        value = self._one("time_zone")
        if value is not None and not is_time_zone(value):
            self.fault("time_zone", "unknown_time_zone", "time_zone should be an IANA name such as Europe/Berlin.")
            return default
        return value or default

    def position(self, name: str = "position") -> Position | None:
        """Take a position token."""
        value = self._one(name)
        try:
            return None if value is None else Position.decode(value)
        except InvalidPositionError:
            self.fault(name, "invalid_position", f"{name} should be a position as an earlier answer gave it.")
            return None

    def cursor(self, signer: CursorSigner, of: str) -> Cursor | None:
        """Take `cursor`; `of` names the list."""
        value = self._one("cursor")
        try:
            return None if value is None else signer.decode(value, of)
        except InvalidCursorError:
            self.fault("cursor", "invalid_cursor", "cursor should be next_cursor or prev_cursor of this very list.")
            return None

    def finish(self) -> None:
        """Raise Problem 422 if anything was wrong."""
        for name in self._given:
            if name not in self._known:
                close = get_close_matches(name, self._known, n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                self.fault(name[:100], "unknown_parameter", f"There is no such parameter here.{hint}")
        if self._faults:
            raise Problem(422, "invalid_parameters", "Some query parameters are not usable.", self._faults)

    def _one(self, name: str) -> str | None:
        self._known.add(name)
        values = self._given.getlist(name)
        if len(values) > 1:
            self.fault(name, "repeated", f"{name} may be given once.")
        if values and "\0" in values[0]:
            self.fault(name, "invalid_text", f"{name} has a NUL character.")
            return None
        return values[0] or None if values else None
