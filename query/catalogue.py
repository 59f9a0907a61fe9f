"""What a workspace says about its event names, applied whenever something is read: events stay as they were recorded.

A name is shown as its alias. Ingest refuses an alias that has an alias itself, but two changes at one moment can slip
through: then the aliases are followed to the end, and where they go round in a circle they count for nothing. What is
not said of a name itself (tone, template, description, hidden, pinned) is taken from the name that it is shown as.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from query.questions import Question, Row
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from query.access import Viewer
    from query.reading import Reading
    from query.timeline import Filters

FRESH_SECONDS: Final = 5.0
"""How old settings may be in an answer. A read that asks for a position gets those of that position."""

MOST_WORKSPACES: Final = 1_000

_SETTINGS: Final = """
    SELECT name, description, alias, hidden, pinned, template, tone, archived
    FROM event_name_settings WHERE workspace_id = %(workspace_id)s
"""


@dataclass(frozen=True, slots=True)
class NameSettings:
    """What is said of one name. `tone` None: as its words say."""

    name: str
    description: str | None = None
    alias: str | None = None
    hidden: bool = False
    pinned: bool = False
    template: str | None = None
    tone: str | None = None
    archived: bool = False


class Catalogue:
    """The settings of a workspace, ready to be looked up."""

    def __init__(self, settings: Iterable[NameSettings] = ()) -> None:
        said = {one.name: one for one in settings}
        aliases = {name: one.alias for name, one in said.items() if one.alias and one.alias != name}
        self.shown_as = {name: _followed(name, aliases) for name in aliases}
        """The recorded names that are shown as another one, each with that one."""
        self._effective = {name: _joined(one, said.get(self.shown(name))) for name, one in said.items()}
        self._recorded: dict[str, set[str]] = {}
        for name, shown in self.shown_as.items():
            self._recorded.setdefault(shown, set()).add(name)
        self.hidden = frozenset(name for name, one in self._effective.items() if one.hidden)
        """The names, as recorded, of what agents see only when they ask for it."""

    def shown(self, name: str) -> str:
        """Give the name that a recorded name is shown and counted as."""
        return self.shown_as.get(name, name)

    def of(self, name: str) -> NameSettings:
        """Give what counts for a recorded name, its own or that of the name it is shown as."""
        return self._effective.get(name) or NameSettings(name)

    def recorded(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give the recorded names that are meant by names: each one itself, and those that are shown as it."""
        meant = dict.fromkeys(names)
        for name in list(meant):
            meant |= dict.fromkeys(sorted(self._recorded.get(name, ())))
        return tuple(meant)

    def applied(self, filters: Filters, *, leave_out_hidden: bool) -> Filters:
        """Say in recorded names what filters choose. A hidden name that is asked for by name is not left out."""
        names = self.recorded(filters.names)
        without = tuple(sorted(self.hidden)) if leave_out_hidden and not names else ()
        if names == filters.names and without == filters.without:
            return filters
        return replace(filters, names=names, without=without)


def leaves_out_hidden(viewer: Viewer, asked: bool | None) -> bool:  # noqa: FBT001 - a parameter as it was given
    """Tell whether hidden names are left out: for agents unless they ask for them, for apps only when they ask."""
    return viewer.kind != "key" if asked is None else not asked


NOTHING_SAID: Final = Catalogue()


def _followed(name: str, aliases: dict[str, str]) -> str:
    passed, at = {name}, name
    while (further := aliases.get(at)) is not None:
        if further in passed:
            return name
        passed.add(further)
        at = further
    return at


def _joined(own: NameSettings, shown: NameSettings | None) -> NameSettings:
    if shown is None or shown is own:
        return own
    return replace(
        own,
        description=own.description or shown.description,
        hidden=own.hidden or shown.hidden,
        pinned=own.pinned or shown.pinned,
        template=own.template or shown.template,
        tone=own.tone or shown.tone,
    )


def ask_catalogue(workspace_id: int) -> Question[Catalogue]:
    """Ask for a workspace's settings."""
    return Question(_SETTINGS, {"workspace_id": workspace_id}, _catalogue)


def _catalogue(rows: list[Row]) -> Catalogue:
    return Catalogue(NameSettings(*row) for row in rows) if rows else NOTHING_SAID


@dataclass(slots=True)
class _Entry:
    catalogue: Catalogue
    read_at: float
    refreshing: bool = False


class Catalogues:
    """Gives workspaces' catalogues, remembered for some seconds. Safe to use from many threads."""

    def __init__(self, reading: Reading, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reading = reading
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()

    def of(self, workspace_id: int, *, fresh: bool = False) -> Catalogue:
        """Give a workspace's catalogue, at most `FRESH_SECONDS` old, or with `fresh` as it is now.

        One request at a time reads it anew, the others go on with what is known; so do all while the database is away.
        Raises Problem 503 when nothing is known.
        """
        entry, now = self._entries.get(workspace_id), self._monotonic()
        if entry is not None and not fresh and (now - entry.read_at < FRESH_SECONDS or entry.refreshing):
            return entry.catalogue
        if entry is not None:
            entry.refreshing = True
        try:
            catalogue = self._read(workspace_id)
        except Problem:
            if entry is None:
                raise
            return entry.catalogue
        finally:
            if entry is not None:
                entry.refreshing = False
        with self._lock:
            self._entries[workspace_id] = _Entry(catalogue, now)
            self._entries.move_to_end(workspace_id)
            while len(self._entries) > MOST_WORKSPACES:
                self._entries.popitem(last=False)
        return catalogue

    def _read(self, workspace_id: int) -> Catalogue:
        with self._reading(workspace_id) as connection:
            return ask_catalogue(workspace_id).ask(connection)
