"""The statements behind a page of a timeline: all events, some names, or looked through; towards older and newer."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = 6
SCAN_COLUMNS: Final = 8
"""Of the statements that look through events."""

# The bounds are one row comparison and one plain one, both answered by the index, and neither is ever absent: an
# optional condition would keep the server from one good plan for all pages.
OLDER: Final = """
    SELECT event_id, name, occurred_at, received_at, properties::text, log_offset
    FROM timeline
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
      AND (occurred_at, log_offset) < (%(before_at)s, %(before_offset)s) AND occurred_at >= %(occurred_from)s
    ORDER BY occurred_at DESC, log_offset DESC LIMIT %(limit)s
"""
NEWER: Final = """
    SELECT event_id, name, occurred_at, received_at, properties::text, log_offset
    FROM timeline
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
      AND (occurred_at, log_offset) > (%(after_at)s, %(after_offset)s) AND occurred_at < %(occurred_before)s
    ORDER BY occurred_at, log_offset LIMIT %(limit)s
"""
# The same for some of the contact's names: a few from the index for each, of which the page takes the newest. The two
# tables collate names differently, and only the timeline's own way finds its index.
NAMED_OLDER: Final = """
    SELECT e.event_id, e.name, e.occurred_at, e.received_at, e.properties::text, e.log_offset
    FROM (
        SELECT name FROM contact_event_names
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
          AND (cardinality(%(names)s::text[]) = 0 OR name = ANY(%(names)s)) AND starts_with(name, %(name_prefix)s)
          AND NOT name = ANY(%(without)s::text[])
    ) AS n
    CROSS JOIN LATERAL (
        SELECT * FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = n.name COLLATE "default"
          AND (occurred_at, log_offset) < (%(before_at)s, %(before_offset)s) AND occurred_at >= %(occurred_from)s
        ORDER BY occurred_at DESC, log_offset DESC LIMIT %(limit)s
    ) AS e
    ORDER BY e.occurred_at DESC, e.log_offset DESC LIMIT %(limit)s
"""
NAMED_NEWER: Final = """
    SELECT e.event_id, e.name, e.occurred_at, e.received_at, e.properties::text, e.log_offset
    FROM (
        SELECT name FROM contact_event_names
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
          AND (cardinality(%(names)s::text[]) = 0 OR name = ANY(%(names)s)) AND starts_with(name, %(name_prefix)s)
          AND NOT name = ANY(%(without)s::text[])
    ) AS n
    CROSS JOIN LATERAL (
        SELECT * FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = n.name COLLATE "default"
          AND (occurred_at, log_offset) > (%(after_at)s, %(after_offset)s) AND occurred_at < %(occurred_before)s
        ORDER BY occurred_at, log_offset LIMIT %(limit)s
    ) AS e
    ORDER BY e.occurred_at, e.log_offset LIMIT %(limit)s
"""
# The same, looking at one event after the other: a stretch of at most so many, of which the last one comes along as a
# mark even when it does not match. The limit stops the scan as soon as the page is full.
SCAN_OLDER: Final = """
    SELECT event_id, name, occurred_at, received_at, properties::text, log_offset, place, fits
    FROM (
        SELECT *, row_number() OVER (ORDER BY occurred_at DESC, log_offset DESC) AS place,
            (cardinality(%(names)s::text[]) = 0 OR name = ANY(%(names)s))
            AND starts_with(name, %(name_prefix)s)
            AND NOT name = ANY(%(without)s::text[])
            AND (%(text)s = '' OR strpos(lower(name || ' ' || properties::text), lower(%(text)s)) > 0) AS fits
        FROM (
            SELECT * FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
              AND (occurred_at, log_offset) < (%(before_at)s, %(before_offset)s) AND occurred_at >= %(occurred_from)s
            ORDER BY occurred_at DESC, log_offset DESC LIMIT %(stretch)s
        ) AS stretch
    ) AS looked_at
    WHERE fits OR place = %(stretch)s
    ORDER BY occurred_at DESC, log_offset DESC LIMIT %(limit)s
"""
SCAN_NEWER: Final = """
    SELECT event_id, name, occurred_at, received_at, properties::text, log_offset, place, fits
    FROM (
        SELECT *, row_number() OVER (ORDER BY occurred_at, log_offset) AS place,
            (cardinality(%(names)s::text[]) = 0 OR name = ANY(%(names)s))
            AND starts_with(name, %(name_prefix)s)
            AND NOT name = ANY(%(without)s::text[])
            AND (%(text)s = '' OR strpos(lower(name || ' ' || properties::text), lower(%(text)s)) > 0) AS fits
        FROM (
            SELECT * FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
              AND (occurred_at, log_offset) > (%(after_at)s, %(after_offset)s) AND occurred_at < %(occurred_before)s
            ORDER BY occurred_at, log_offset LIMIT %(stretch)s
        ) AS stretch
    ) AS looked_at
    WHERE fits OR place = %(stretch)s
    ORDER BY occurred_at, log_offset LIMIT %(limit)s
"""
