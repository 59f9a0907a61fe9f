"""`/deliveries`: what the write API refused, for those who look after the apps. Holds no payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response, request

from query.cursors import Cursor, InvalidCursorError
from query.deliveries import Filters
from query.presentation.deliveries import RANGES, Choice, by_code, by_name, copy_rows, ranges, rejection_row
from schemas.delivery_log import KEPT_FOR, MOST_ROWS

if TYPE_CHECKING:
    from flask import Blueprint

    from query.page_frame import Frame

_LONGEST: Final = 128


def add_deliveries(pages: Blueprint, frame: Frame) -> None:
    """Add `/deliveries`."""

    @pages.get("/deliveries")
    def deliveries() -> Response:
        workspace = frame.workspace()
        reader, choice, of = frame.reader(workspace), _choice(), f"{workspace.id}/deliveries"
        filters = Filters(reader.now - RANGES[choice.range], reader.now, _one(choice.code), _one(choice.name))
        read = frame.reads.deliveries(workspace.id, filters, _cursor(frame, of), reader.now)
        older = frame.cursors.encode(read.page.next_cursor, of)
        newer = frame.cursors.encode(read.page.prev_cursor, of)
        return frame.render(
            "deliveries.html",
            workspace=workspace,
            reader=reader,
            here="deliveries",
            choice=choice,
            ranges=ranges(choice),
            counts=read.counts,
            codes=by_code(read.counts, choice),
            names=by_name(read.counts, choice),
            rows=[rejection_row(rejection, reader) for rejection in read.page.rejections],
            copies=read.copies,
            copy_rows=copy_rows(read.copies, reader),
            older=older and choice.address(cursor=older),
            newer=newer and choice.address(cursor=newer),
            kept_days=KEPT_FOR.days,
            most_rows=MOST_ROWS,
        )


def _choice() -> Choice:
    """Read what is chosen; an address that was cut or mistyped shows the last day."""
    span = request.args.get("range", "day")
    return Choice(span if span in RANGES else "day", _text("code"), _text("name"))


def _text(name: str) -> str | None:
    return request.args.get(name, "").replace("\0", "")[:_LONGEST] or None


def _one(text: str | None) -> tuple[str, ...]:
    return (text,) if text else ()


def _cursor(frame: Frame, of: str) -> Cursor | None:
    text = request.args.get("cursor")
    try:
        return frame.cursors.decode(text, of) if text else None
    except InvalidCursorError:
        return None
