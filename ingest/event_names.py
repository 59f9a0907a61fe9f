"""What workspaces say about their event names: published, and checked against what they have said before.

An alias is one step: what a name is shown as must not itself be shown as something else. The tables lag a little behind
the log, so two changes at the same moment can still make a chain; readers follow such a chain to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runtime.problems import Fault
from schemas.records import EventNameChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from ingest.database import Database
    from ingest.publisher import Outcome, Publisher
    from schemas.records import NameChange

_ALIASES: Final = """
    SELECT name, alias FROM event_name_settings WHERE workspace_id = %(workspace_id)s AND alias IS NOT NULL
"""
_DECLARE: Final = "SELECT set_config('contact_events.workspace_id', %(workspace_id)s::text, true)"


class EventNames:
    """Changes what is known about event names. Safe to use from many threads."""

    def __init__(
        self, database: Database, publisher: Publisher, *, now: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._now = now
        self._new_id = new_id

    def aliases(self, workspace_id: int) -> dict[str, str]:
        """Read which names are shown as others; raise DatabaseAwayError."""
        parameters = {"workspace_id": workspace_id}
        with self._database.connection() as connection, connection.transaction():
            connection.execute(_DECLARE, parameters)
            return dict(connection.execute(_ALIASES, parameters).fetchall())

    def change(self, workspace_id: int, name: str, id_: str, change: NameChange) -> Outcome:
        """Publish a change; raise Unavailable if nothing was handed over."""
        record = EventNameChanged(
            workspace_id=workspace_id,
            record_id=self._new_id(),
            id=id_,
            received_at=self._now(),
            name=name,
            change=change,
        )
        return self._publisher.publish([record])[0]


def alias_to_itself(name: str, alias: object) -> Fault | None:
    """Tell whether a name would be shown as itself: needs no look at the tables."""
    if alias != name:
        return None
    message = "alias is the name itself. Send another one, or null to take the alias away."
    return Fault("/alias", "alias_to_itself", message)


def alias_chain(name: str, alias: str, aliases: Mapping[str, str]) -> Fault | None:
    """Tell whether an alias would be more than one step, given the aliases that there are."""
    target = aliases.get(alias)
    if target == name:
        message = f"{alias} is itself shown as {name}: the two would go round in a circle. Take that alias away first."
        return Fault("/alias", "alias_circle", message)
    if target is not None and alias != name:
        message = f"{alias} is itself shown as {target}. Did you mean {target}?"
        return Fault("/alias", "alias_chain", message)
    others = sorted(other for other, shown in aliases.items() if shown == name and other != name)
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        message = f"{others[0]}{more} is shown as {name}. Give it the alias {alias} first, or take its alias away."
        return Fault("/alias", "alias_chain", message)
    return None
