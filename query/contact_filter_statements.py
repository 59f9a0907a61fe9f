"""The statements behind filtered contacts: a stretch towards older and newer ids, and the matches of a search text."""

from __future__ import annotations

from typing import Final

# A number is compared as a number, but only where it is one that the database can read: a raw producer's 1e999999 must
# not break the search for everybody. What should have happened is told in groups of names, any of which will do: a name
# and those that are shown as it. `since` is the epoch where any time counts; no event is older than the year 2000.
_FITS: Final = """
          NOT EXISTS (
            SELECT FROM unnest(%(keys)s::text[], %(kinds)s::text[], %(values)s::text[]) AS w (key, kind, value)
            WHERE json_typeof(c.custom_data -> w.key) IS DISTINCT FROM w.kind
               OR CASE WHEN w.kind <> 'number' THEN c.custom_data ->> w.key <> w.value
                       WHEN length(c.custom_data ->> w.key) > 400 THEN true
                       WHEN c.custom_data ->> w.key ~* 'e[+-]?0*[1-9][0-9]{3}' THEN true
                       ELSE (c.custom_data ->> w.key)::numeric <> w.value::numeric END)
      AND NOT EXISTS (
            SELECT FROM generate_series(1, %(has_groups)s::integer) AS g (number)
            WHERE NOT EXISTS (
                SELECT FROM unnest(%(has)s::text[], %(has_group)s::integer[]) AS h (name, number)
                JOIN contact_event_names AS n
                  ON n.workspace_id = %(workspace_id)s AND n.contact_id = c.contact_id AND n.name = h.name
                WHERE h.number = g.number AND n.count > 0 AND n.last_occurred_at >= %(since)s))
      AND NOT EXISTS (
            SELECT FROM unnest(%(has_not)s::text[]) AS h (name)
            WHERE EXISTS (
                SELECT FROM contact_event_names AS n
                WHERE n.workspace_id = %(workspace_id)s AND n.contact_id = c.contact_id AND n.name = h.name
                  AND n.count > 0 AND n.last_occurred_at >= %(since)s))
"""
OLDER: Final = """
    SELECT f.contact_id, f.external_id, f.email, f.name, e.name, e.occurred_at, f.place, f.fits, f.created_at
    FROM (
        SELECT * FROM (
            SELECT c.*, {fits} AS fits
            FROM (
                SELECT contact_id, external_id, email, name, custom_data, created_at,
                       row_number() OVER (ORDER BY contact_id DESC) AS place
                FROM contacts
                WHERE workspace_id = %(workspace_id)s AND contact_id < %(beyond)s
                ORDER BY contact_id DESC LIMIT %(stretch)s
            ) AS c
        ) AS looked_at
        WHERE fits OR place = %(stretch)s
        ORDER BY contact_id DESC LIMIT %(limit)s
    ) AS f
    LEFT JOIN LATERAL (
        SELECT name, occurred_at FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = f.contact_id
        ORDER BY occurred_at DESC, log_offset DESC LIMIT 1
    ) AS e ON true
    ORDER BY f.contact_id DESC
""".replace("{fits}", _FITS)
NEWER: Final = (
    OLDER.replace("contact_id < %(beyond)s", "contact_id > %(beyond)s")
    .replace("ORDER BY contact_id DESC", "ORDER BY contact_id")
    .replace("ORDER BY f.contact_id DESC", "ORDER BY f.contact_id")
)
SEARCHED: Final = """
    SELECT s.contact_id, s.external_id, s.email, s.name, e.name, e.occurred_at
    FROM search_contacts(%(text)s, %(most)s) AS s
    JOIN contacts AS c ON c.workspace_id = %(workspace_id)s AND c.contact_id = s.contact_id
    LEFT JOIN LATERAL (
        SELECT name, occurred_at FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = s.contact_id
        ORDER BY occurred_at DESC, log_offset DESC LIMIT 1
    ) AS e ON true
    WHERE {fits}
    ORDER BY s.rank, e.occurred_at DESC NULLS LAST, s.contact_id
    LIMIT %(limit)s
""".replace("{fits}", _FITS)
