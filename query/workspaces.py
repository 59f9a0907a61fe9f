"""Reads of what a workspace has set up for its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

if TYPE_CHECKING:
    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Workspace:
    """`time_zone` is an IANA name; `frame_ancestors` are the origins that may show the sidebar in a frame.

    `pinned_custom_data` are the keys of custom data that are shown where there is room for few.
    """

    id: int
    name: str
    time_zone: str
    frame_ancestors: list[str]
    pinned_custom_data: list[str]


def find_workspace(connection: Connection[Any], workspace_id: int) -> Workspace | None:
    """Read one workspace; None when there is none."""
    with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        return cursor.execute(
            """
            SELECT id, name, time_zone, frame_ancestors, ARRAY(
                SELECT jsonb_array_elements_text(coalesce(settings -> 'pinned_custom_data', '[]'))
            ) AS pinned_custom_data
            FROM write_side.workspaces WHERE id = %(workspace_id)s
            """,
            {"workspace_id": workspace_id},
        ).fetchone()
