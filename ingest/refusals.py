"""From an answer that refuses something to the delivery log.

A dry run is not a delivery, and a caller whom no key names belongs to no workspace: neither is noted.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from ingest.delivery_log import Rejection, presentable, short
from ingest.requests import DRY_RUN
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from werkzeug.exceptions import HTTPException

    from ingest.calls import Call
    from ingest.delivery_log import DeliveryLog

STATUSES: Final = {"contact_not_found": 404, "contact_being_erased": 409, "record_too_large": 413}
"""Of items: what each would have got alone, where that is not 422."""


class Refusals:
    """Notes what this process refuses. Safe to use from many threads."""

    def __init__(self, deliveries: DeliveryLog, now: Callable[[], datetime]) -> None:
        self._deliveries = deliveries
        self._now = now

    def whole(self, call: Call, error: Problem | HTTPException) -> None:
        """Note a request that was refused as a whole, and is refused for good (4xx)."""
        status = (error.status if isinstance(error, Problem) else error.code) or HTTPStatus.INTERNAL_SERVER_ERROR
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            faults = error.faults if isinstance(error, Problem) else ()
            code = error.code if isinstance(error, Problem) else HTTPStatus(status).name.lower()
            first = (faults[0].code, faults[0].pointer) if faults else (str(code), "")
            self._note(call, [(status, *first, max(1, len(faults)), call.event_name, None)])

    def items(
        self, call: Call, answers: Sequence[dict[str, Any]], name_of: Callable[[int], object] = lambda _: None
    ) -> None:
        """Note the items of a batch that were refused; `name_of` gives the event's name at a place."""
        self._note(
            call,
            [
                (*_fault(answer), name_of(place), place)
                for place, answer in enumerate(answers)
                if answer["status"] == "rejected"
            ],
        )

    def _note(self, call: Call, refused: Iterable[tuple[int, str, str, int, object, int | None]]) -> None:
        key = call.key
        if key is None or call.request.args.get(DRY_RUN) == "true":
            return
        now, common = self._now(), (call.route, key.key_id, call.request_id)
        self._deliveries.note(
            Rejection(key.workspace_id, now, status, code, short(pointer), faults, *presentable(name), item, *common)
            for status, code, pointer, faults, name, item in refused
        )


def _fault(answer: dict[str, Any]) -> tuple[int, str, str, int]:
    code, pointer = answer["code"], answer.get("pointer", "")
    return STATUSES.get(code, 422), code, pointer, len(answer.get("errors", ())) or 1
