"""Reading what the API answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contact_events.outcomes import Accepted, Fault, Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contact_events.outbox import Entry
    from contact_events.transport import Response


class UnreadableAnswerError(Exception):
    """The answer does not say what became of the events."""


def read_document(response: Response) -> dict[str, Any]:
    """Read a JSON object; an empty one for anything else."""
    try:
        document = json.loads(response.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def read_items(response: Response, entries: Sequence[Entry]) -> list[Accepted | Rejected | None]:
    """Read what became of each event of a batch, None for unknown; raise UnreadableAnswerError if that is not said."""
    items = read_document(response).get("items")
    if not isinstance(items, list) or len(items) != len(entries):
        raise UnreadableAnswerError("the answer does not list what became of each event")
    return [_read_item(item, entry.event_id) for item, entry in zip(items, entries, strict=True)]


def _read_item(item: Any, event_id: str) -> Accepted | Rejected | None:  # noqa: ANN401 - any JSON
    if not isinstance(item, dict) or item.get("id", event_id) != event_id:
        raise UnreadableAnswerError("the answer lists other events than were sent")
    status = item.get("status")
    if status == "accepted":
        return Accepted(event_id, str(item.get("position", "")), read_faults(item.get("warnings")))
    if status == "rejected":
        faults = read_faults(item.get("errors")) or read_faults([item])
        return Rejected(event_id, str(item.get("code", "")), str(item.get("message", "")), faults)
    return None


def read_faults(faults: Any) -> tuple[Fault, ...]:  # noqa: ANN401 - any JSON
    """Read a list of faults or warnings."""
    if not isinstance(faults, list):
        return ()
    return tuple(
        Fault(*(str(fault.get(field, "")) for field in ("pointer", "code", "message")))
        for fault in faults
        if isinstance(fault, dict)
    )


def describe(response: Response) -> str:
    """Say in one line what an answer that is an error says."""
    document = read_document(response)
    said = " ".join(str(document[field]) for field in ("code", "detail") if field in document)
    where = f" (to {response.headers['location']})" if "location" in response.headers else ""
    return f"{response.status} {said}".rstrip() + where
