"""`/api/v1/deliveries`: what became of what an app has sent, for those who look after the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from query.api.events import LONGEST_NAME
from query.deliveries import LAST, Filters, copies, rejection_counts, rejections_page
from query.parameters import Parameters
from query.shapes import answer
from schemas.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from query.deliveries import Copies, Counts, Rejection
    from query.services import Services

LONGEST_CODE = 100


def deliveries_blueprint(services: Services) -> Blueprint:
    """Make the route."""
    blueprint = Blueprint("api_deliveries", __name__, url_prefix="/api/v1")

    @blueprint.get("/deliveries")
    def list_deliveries() -> Response:
        viewer = services.access.workspace_viewer(request, "events:read", or_scope="events:write")
        now, of = services.now(), f"{viewer.workspace_id}/deliveries"
        parameters = Parameters(request.args)
        filters = take_filters(parameters, now)
        limit, cursor = parameters.limit(), parameters.cursor(services.cursors, of)
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        with services.reading(viewer.workspace_id) as connection:
            page = rejections_page(connection, viewer.workspace_id, filters, cursor=cursor, limit=limit)
            counts = rejection_counts(connection, viewer.workspace_id, filters.by_whole(now))
            found = copies(connection, viewer.workspace_id, filters)
        return answer(
            {
                "data": [rejection_document(rejection) for rejection in page.rejections],
                "next_cursor": services.cursors.encode(page.next_cursor, of),
                "prev_cursor": services.cursors.encode(page.prev_cursor, of),
                "counts": counts_document(counts),
                "copies": copies_document(found),
            }
        )

    return blueprint


def take_filters(parameters: Parameters, now: datetime) -> Filters:
    """Take the filters; without a beginning the last day is shown."""
    before = parameters.moment("before") or now
    start = parameters.moment("from") or min(before, now) - LAST
    if start > before:
        parameters.fault("before", "bad_range", "before should be later than from.")
    return Filters(start, before, parameters.texts("code", LONGEST_CODE), parameters.texts("name", LONGEST_NAME))


def rejection_document(rejection: Rejection) -> dict[str, Any]:
    """Write one rejection."""
    return {
        "rejected_at": format_time(rejection.rejected_at),
        "status": rejection.status,
        "code": rejection.code,
        "pointer": rejection.pointer,
        "faults": rejection.faults,
        "name": rejection.name,
        "name_altered": rejection.name_altered,
        "item": rejection.item,
        "endpoint": rejection.endpoint,
        "key_id": rejection.key_id,
        "request_id": rejection.request_id,
    }


def counts_document(counts: Counts) -> dict[str, Any]:
    """Write counts."""
    return {
        "from": format_time(counts.rejected_from),
        "before": format_time(counts.rejected_before),
        "total": counts.total,
        "not_kept": counts.not_kept,
        "by_code": [{"code": code, "count": count} for code, count in counts.by_code],
        "by_name": [{"name": name, "count": count} for name, count in counts.by_name],
        "unnamed": counts.unnamed,
        "other_names": counts.other_names,
    }


def copies_document(found: Copies) -> dict[str, Any]:
    """Write copies."""
    return {
        "duplicates": found.duplicates,
        "conflicts": found.conflicts,
        "counted_back_to": format_time(found.counted_back_to) if found.counted_back_to else None,
        "newest": [
            {
                "kind": copy.kind,
                "type": copy.type,
                "contact_id": copy.contact_id or None,
                "id": copy.id,
                "name": copy.name,
                "received_at": format_time(copy.received_at),
            }
            for copy in found.newest
        ],
    }
