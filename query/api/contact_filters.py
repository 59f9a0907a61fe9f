"""The parameters that choose contacts: custom data by key, and what did or did not happen since a moment."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from query.api.events import LONGEST_NAME
from query.contact_filters import (
    LONGEST_KEY,
    LONGEST_VALUE,
    MOST_KEYS,
    PREFIX,
    ContactFilter,
    data_filter,
    filtered_contacts,
    recorded,
    search_filtered_contacts,
)
from query.shapes import answer, contact_line, moment

if TYPE_CHECKING:
    from flask import Response
    from psycopg import Connection

    from query.access import Viewer
    from query.cursors import Cursor
    from query.parameters import Parameters
    from query.services import Services


def take_contact_filter(parameters: Parameters) -> ContactFilter:
    """Take the filters; the empty one chooses everybody."""
    given = parameters.prefixed(PREFIX)
    if len(given) > MOST_KEYS:
        parameters.fault(PREFIX, "too_many", f"{len(given)} keys of custom data are given.", MOST_KEYS)
    for key, text in given:
        if not key or len(key) > LONGEST_KEY:
            message = f"{PREFIX} should be followed by a key of at most {LONGEST_KEY} characters."
            parameters.fault(PREFIX, "invalid_key", message, LONGEST_KEY)
        if len(text) > LONGEST_VALUE:
            parameters.fault(
                f"{PREFIX}{key}"[:100], "too_long", f"The value has {len(text)} characters.", LONGEST_VALUE
            )
    wanted = ContactFilter(
        tuple(data_filter(key, text) for key, text in given),
        tuple((name,) for name in parameters.texts("has_event", LONGEST_NAME)),
        parameters.texts("has_no_event", LONGEST_NAME),
        parameters.moment("since"),
    )
    if wanted.since and not (wanted.has_event or wanted.has_no_event):
        parameters.fault("since", "since_what", "since goes with has_event or has_no_event.")
    return wanted


def cursor_scope(workspace_id: int, wanted: ContactFilter) -> str:
    """Name the list that a cursor belongs to: one of another filter leads nowhere."""
    return f"{workspace_id}/contacts/{hashlib.sha256(repr(wanted).encode()).hexdigest()}"


def answer_filtered(  # noqa: PLR0913 - what a page of contacts is told by
    services: Services,
    connection: Connection[Any],
    viewer: Viewer,
    *,
    text: str | None,
    wanted: ContactFilter,
    cursor: Cursor | None,
    limit: int,
) -> Response:
    """Answer one page of the contacts that fit."""
    of = cursor_scope(viewer.workspace_id, wanted)
    wanted = recorded(wanted, services.catalogues.of(viewer.workspace_id))
    if text:
        found = search_filtered_contacts(connection, viewer.workspace_id, text, wanted, limit)
        lines = [contact_line(contact) for contact in found]
        return answer({"data": lines, "next_cursor": None, "prev_cursor": None, "searched_back_to": None})
    page = filtered_contacts(connection, viewer.workspace_id, wanted, cursor=cursor, limit=limit)
    return answer(
        {
            "data": [contact_line(contact) for contact in page.contacts],
            "next_cursor": services.cursors.encode(page.next_cursor, of),
            "prev_cursor": services.cursors.encode(page.prev_cursor, of),
            "searched_back_to": moment(page.searched_back_to),
        }
    )
