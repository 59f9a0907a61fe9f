"""Reads the addresses of a profile and of home. Where guessing would show the wrong thing, it is an error instead."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from flask import request

from query.contact_filters import LONGEST_KEY, LONGEST_VALUE, MOST_KEYS, PREFIX
from query.parameters import MOMENT, MOST_NAMES
from query.presentation.contact_view import ContactView
from query.presentation.view import View
from query.timeline import Filters
from runtime.problems import Problem

if TYPE_CHECKING:
    from query.presentation.events import Reader

_LONGEST_TEXT: Final = 200
_MOST_NAMES: Final = 50
_DAY: Final = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")
_LOCAL: Final = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def read_view(contact_id: int, reader: Reader) -> View:
    """Read the address of this request; raise Problem 422 for days and moments that are none."""
    since, until = _day("since"), _day("until")
    if since and until and since > until:
        since, until = until, since  # picked from right to left
    return View(contact_id, _filters(), since, until, request.args.get("changes") == "1", _as_of(reader))


def read_contact_view() -> ContactView:
    """Read the home page's address; raise Problem 422 for a day that is none."""
    args = request.args
    data = [
        (name.removeprefix(PREFIX)[:LONGEST_KEY], _clean(args[name])[:LONGEST_VALUE])
        for name in dict.fromkeys(args)
        if name.startswith(PREFIX) and "\0" not in name
    ]
    has, has_no = (
        tuple(dict.fromkeys(name for name in map(_clean, args.getlist(key)) if name))[:MOST_NAMES]
        for key in ("has_event", "has_no_event")
    )
    text = " ".join(_clean(args.get("q", "")).split())[:_LONGEST_TEXT]
    return ContactView(text, tuple(pair for pair in data if all(pair))[:MOST_KEYS], has, has_no, _day("since"))


def added_filters(view: ContactView) -> ContactView | None:
    """Take in what the page's form adds: a key with a value, an event that did or did not happen. None: nothing."""
    key, value, name = (_clean(request.args.get(part, "")).strip() for part in ("key", "value", "event"))
    if key and value:
        kept = tuple(pair for pair in view.custom_data if pair[0] != key)
        view = replace(view, custom_data=((*kept, (key[:LONGEST_KEY], value[:LONGEST_VALUE])))[:MOST_KEYS])
    if name and request.args.get("which") == "has_no_event":
        view = replace(view, has_no_event=tuple(dict.fromkeys([*view.has_no_event, name]))[:MOST_NAMES])
    elif name:
        view = replace(view, has_event=tuple(dict.fromkeys([*view.has_event, name]))[:MOST_NAMES])
    return view if {"key", "event"} & set(request.args) else None


def _clean(text: str) -> str:
    return text.replace("\0", "")


def _filters() -> Filters:
    names = tuple(dict.fromkeys(name for name in request.args.getlist("name") if "\0" not in name))[:_MOST_NAMES]
    text = request.args.get("q", "").replace("\0", "").strip()[:_LONGEST_TEXT]
    return Filters(names=names, text=text or None)


def _day(name: str) -> date | None:
    text = request.args.get(name)
    if not text:
        return None
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise Problem(422, "invalid_parameters", f"{name} should be a day such as 2026-11-12.")


def _as_of(reader: Reader) -> datetime | None:
    """Take `as_of`, a moment with an offset, or `at`, what a form of this page in the reader's zone gives."""
    text, local = request.args.get("as_of"), request.args.get("at")
    with suppress(ValueError, OverflowError):
        if text and MOMENT.fullmatch(text):
            return _past(datetime.fromisoformat(text.upper()).astimezone(UTC), reader)
        if local and _LOCAL.fullmatch(local):
            return _past(datetime.fromisoformat(local).replace(tzinfo=reader.zone).astimezone(UTC), reader)
    if text or local:
        raise Problem(422, "invalid_parameters", "as_of should be a moment such as 2026-11-12T14:05:00Z.")
    return None


def _past(moment: datetime, reader: Reader) -> datetime | None:
    return moment if moment < reader.now else None  # what is to come is not known: now is all there is
