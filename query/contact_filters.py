"""Contacts chosen by custom data and by what happened to them: looked through by id, a bounded stretch at a time.

No index helps here: custom data has any keys, and an index on it would cost the projector at every change. So a page
looks at so many contacts at most, says how far back it came, and its cursor goes on from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from query import contact_filter_statements as statements
from query.contacts import ContactSummary
from query.cursors import EPOCH, Cursor

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from query.catalogue import Catalogue

STRETCH: Final = 50_000
"""Contacts that one page looks at; measured in docs/api.md."""

MOST_MATCHES: Final = 500
"""Matches of a search text among which a filter chooses: as many as the search itself ranks."""

PREFIX: Final = "custom_data."
MOST_KEYS: Final = 10
LONGEST_KEY: Final = 256
LONGEST_VALUE: Final = 1_000

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER: Final = 100
_QUOTED: Final = re.compile(r'"(.*)"', re.DOTALL)

Kind: TypeAlias = Literal["string", "number", "boolean"]


@dataclass(frozen=True, slots=True)
class DataFilter:
    """A key of custom data and the value it should have. `value` is the text of a string, else a JSON text."""

    key: str
    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """What contacts should be like: all of it. Events count from `since` on (included), from the first when absent.

    Of each group in `has_event` any name will do; of `has_no_event` none may have happened.
    """

    custom_data: tuple[DataFilter, ...] = ()
    has_event: tuple[tuple[str, ...], ...] = ()
    has_no_event: tuple[str, ...] = ()
    since: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.custom_data or self.has_event or self.has_no_event)


def data_filter(key: str, text: str) -> DataFilter:
    """Read a value as JSON reads it: a number, true or false; anything else, and what stands in quotes, is a string."""
    if text in {"true", "false"}:
        return DataFilter(key, "boolean", text)
    if _NUMBER.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
        return DataFilter(key, "number", text)
    quoted = _QUOTED.fullmatch(text)
    return DataFilter(key, "string", quoted[1] if quoted else text)


def recorded(wanted: ContactFilter, catalogue: Catalogue) -> ContactFilter:
    """Say the same in recorded names: a name, and those that are shown as it."""
    return replace(
        wanted,
        has_event=tuple(catalogue.recorded(group) for group in wanted.has_event),
        has_no_event=catalogue.recorded(wanted.has_no_event),
    )


@dataclass(frozen=True, slots=True)
class FilteredPage:
    """Contacts, the newest first. `searched_back_to`: contacts created before it were not looked at."""

    contacts: list[ContactSummary]
    next_cursor: Cursor | None
    prev_cursor: Cursor | None
    searched_back_to: datetime | None = None


def filtered_contacts(
    connection: Connection[Any],
    workspace_id: int,
    wanted: ContactFilter,
    *,
    cursor: Cursor | None = None,
    limit: int = 50,
) -> FilteredPage:
    """Read the contacts that fit, the newest id first; the cursors' `log_offset` is a contact's id."""
    older = cursor is None or cursor.direction == "older"
    rows = connection.execute(
        statements.OLDER if older else statements.NEWER,
        _parameters(workspace_id, wanted)
        | {"beyond": cursor.log_offset if cursor else 2**63 - 1, "limit": limit + 1, "stretch": STRETCH},
    ).fetchall()
    mark = next((row for row in rows if row[6] == STRETCH), None)
    found = [ContactSummary(*row[:6]) for row in rows if row[7]]
    further, found = len(found) > limit, found[:limit]
    beyond = found[-1].id if further else mark and mark[0]
    back = found[0].id if found and cursor else None
    if not found and cursor:
        back = cursor.log_offset + (-1 if older else 1)  # the contact at the cursor itself lies on that side
    if older:
        searched = mark[8] if mark and not further else None
        return FilteredPage(found, _cursor("older", beyond), _cursor("newer", back), searched)
    return FilteredPage(found[::-1], _cursor("older", back), _cursor("newer", beyond))


def search_filtered_contacts(
    connection: Connection[Any], workspace_id: int, text: str, wanted: ContactFilter, limit: int
) -> list[ContactSummary]:
    """Read those of the best matches of a text that fit, in the search's order."""
    rows = connection.execute(
        statements.SEARCHED,
        _parameters(workspace_id, wanted) | {"text": text, "limit": limit, "most": MOST_MATCHES},
    ).fetchall()
    return [ContactSummary(*row) for row in rows]


def _cursor(direction: Literal["older", "newer"], contact_id: int | None) -> Cursor | None:
    return None if contact_id is None else Cursor(direction, EPOCH, contact_id)


def _parameters(workspace_id: int, wanted: ContactFilter) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "keys": [data.key for data in wanted.custom_data],
        "kinds": [str(data.kind) for data in wanted.custom_data],
        "values": [data.value for data in wanted.custom_data],
        "has": [name for group in wanted.has_event for name in group],
        "has_group": [number for number, group in enumerate(wanted.has_event, 1) for _ in group],
        "has_groups": len(wanted.has_event),
        "has_not": list(wanted.has_no_event),
        "since": wanted.since or EPOCH,
    }
