"""Read settings from environment variables, whole: all problems are reported together, none one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SettingsError(Exception):
    """The environment is not usable; `problems` has one sentence a variable."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(["The settings in the environment are not usable:", *(f"  {p}" for p in problems)]))
        self.problems = list(problems)


class SettingsReader:
    """Takes variables out of a mapping and notes what is wrong with them; `finish` raises when anything was."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def text(self, name: str, default: str | None = None, *, min_length: int = 1) -> str:
        """Take a text; without a default the variable is required."""
        value = self._environment.get(name) or default
        if value is None:
            self._problems.append(f"{name} is not set")
            return ""
        if len(value) < min_length:
            self._problems.append(f"{name} has {len(value)} characters, at least {min_length} are needed")
        return value

    def choice(self, name: str, default: str, options: Sequence[str]) -> str:
        """Take one of a few words."""
        value = self.text(name, default)
        if value not in options:
            self._problems.append(f"{name} is {value!r}, should be one of {', '.join(options)}")
        return value

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """Take a whole number between `low` and `high`, both included."""
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self._problems.append(f"{name} is {value!r}, should be a whole number from {low} to {high}")
            return default
        return int(value)

    def finish(self) -> None:
        """Raise SettingsError if anything was wrong."""
        if self._problems:
            raise SettingsError(self._problems)
