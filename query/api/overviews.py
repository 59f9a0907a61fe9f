"""What stands beside a contact's events: their totals, and all that the sidebar needs in one answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import psycopg
from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.api.events import LONGEST_NAME
from query.catalogue import leaves_out_hidden
from query.contacts import ask_contact
from query.parameters import Parameters
from query.places import ask_place, place_of_contact
from query.shapes import (
    answer,
    contact_document,
    conversation_document,
    histogram_document,
    name_document,
    page_documents,
    place_members,
    shown_name_document,
)
from query.shown_names import shown_names
from query.sidebar_tokens import Conversation
from query.summary import Histogram, event_summary, histogram
from query.timeline import EVERYTHING, Filters, ask_page
from runtime.authentication import require_scope
from runtime.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from query.questions import Question
    from query.services import Services
    from query.timeline import Page

HISTOGRAM_DAYS: Final = 90
LONGEST_HISTOGRAM: Final = 366
BEFORE_CONVERSATION: Final = timedelta(days=7)
SIDEBAR_EVENTS: Final = 10
MOST_BEFORE_CONVERSATION: Final = 50
LONGEST_CONVERSATION_ID: Final = 200


class OverviewRoutes:
    """Answers with totals and overviews of one contact."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def blueprint(self) -> Blueprint:
        """Make the routes."""
        blueprint = Blueprint("api_overviews", __name__, url_prefix="/api/v1/contacts/<contact_id>")
        blueprint.add_url_rule("/event-summary", "summary", self.show_summary)
        blueprint.add_url_rule("/sidebar", "sidebar", self.show_sidebar)
        return blueprint

    def show_summary(self, contact_id: str) -> Response:
        """Answer totals per name, and a histogram by day of a time zone."""
        services = self._services
        viewer, id_ = services.access.contact_viewer(request, contact_id, "events:read")
        parameters = Parameters(request.args)
        names = parameters.texts("name", LONGEST_NAME)
        zone = parameters.time_zone(viewer.time_zone or "UTC")
        days, include_hidden = day_range(parameters, zone, services.now()), parameters.flag("include_hidden")
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        catalogue = services.catalogues.of(viewer.workspace_id, fresh=position is not None)
        without = catalogue.hidden if leaves_out_hidden(viewer, include_hidden) else frozenset()
        with services.reading(viewer.workspace_id) as connection:
            place = place_of_contact(connection, viewer.workspace_id, id_)
            if place is None:
                raise contact_not_found()
            totals = event_summary(connection, viewer.workspace_id, id_)
            counted = _count(connection, (viewer.workspace_id, id_), days, zone, catalogue.recorded(names))
        totals = [name for name in totals if name.name not in without]
        if not names:  # what is asked for by name is not left out
            counted = replace(counted, days=[day for day in counted.days if day.name not in without])
        document = {
            "data": [name_document(name, catalogue) for name in totals],
            "shown": [shown_name_document(name) for name in shown_names(totals, catalogue)],
            "total": sum(name.count for name in totals),
            "histogram": histogram_document(counted, zone, *days),
        }
        return answer(document | place_members(place))

    def show_sidebar(self, contact_id: str) -> Response:
        """Answer the contact, its newest events, and those of the seven days before the conversation began."""
        services = self._services
        viewer, id_ = services.access.contact_viewer(request, contact_id, "contacts:read")
        require_scope(list(viewer.scopes), "events:read")
        parameters = Parameters(request.args)
        conversation = viewer.conversation or read_conversation(parameters)
        include_hidden = parameters.flag("include_hidden")
        position = parameters.position()
        parameters.finish()
        services.gate.wait(viewer.workspace_id, position)
        catalogue = services.catalogues.of(viewer.workspace_id, fresh=position is not None)
        shown = catalogue.applied(EVERYTHING, leave_out_hidden=leaves_out_hidden(viewer, include_hidden))
        key = (viewer.workspace_id, id_)
        place_asked, contact_asked = ask_place(*key), ask_contact(*key)
        newest_asked = ask_page(*key, filters=shown, limit=SIDEBAR_EVENTS)
        before_asked = None if conversation is None else _ask_before(key, conversation, shown)
        answers = services.reading.ask_all(
            viewer.workspace_id, place_asked, contact_asked, newest_asked, *([before_asked] if before_asked else [])
        )
        place, contact, newest = answers(place_asked), answers(contact_asked), answers(newest_asked)
        before = answers(before_asked) if before_asked else None
        if place is None or contact is None:
            raise contact_not_found()
        document: dict[str, Any] = {
            "contact": contact_document(contact),
            "conversation": conversation_document(conversation),
            "before_conversation": before and page_documents(before, catalogue),
            "events": page_documents(newest, catalogue),
        }
        return answer(document | place_members(place))


def _ask_before(key: tuple[int, int], conversation: Conversation, shown: Filters) -> Question[Page]:
    before = replace(before_conversation(conversation), without=shown.without)
    return ask_page(*key, filters=before, limit=MOST_BEFORE_CONVERSATION)


def before_conversation(conversation: Conversation) -> Filters:
    """Choose the events that may explain why the conversation began."""
    return Filters(occurred_from=conversation.started_at - BEFORE_CONVERSATION, occurred_before=conversation.started_at)


def read_conversation(parameters: Parameters) -> Conversation | None:
    """Take the conversation from parameters, for those whose credential names none."""
    started_at = parameters.moment("conversation_started_at")
    id_ = parameters.text("conversation_id", LONGEST_CONVERSATION_ID)
    return None if started_at is None else Conversation(id_ or "", started_at)


def day_range(parameters: Parameters, zone: str, now: datetime) -> tuple[datetime, datetime]:
    """Take `from` and `before`; when absent the range ends with today and has ninety days, all as the zone has them."""
    local = ZoneInfo(zone)
    before = parameters.moment("before")
    if before is None:
        tomorrow = now.astimezone(local).date() + timedelta(days=1)
        before = datetime.combine(tomorrow, time.min, local).astimezone(UTC)
    start = parameters.moment("from")
    if start is None:
        first = before.astimezone(local).date() - timedelta(days=HISTOGRAM_DAYS)
        start = datetime.combine(first, time.min, local).astimezone(UTC)
    if not timedelta() < before - start <= timedelta(days=LONGEST_HISTOGRAM):
        message = f"before should be later than from, by at most {LONGEST_HISTOGRAM} days."
        parameters.fault("before", "bad_range", message, LONGEST_HISTOGRAM)
    return start, before


def _count(
    connection: Connection[Any],
    contact: tuple[int, int],
    days: tuple[datetime, datetime],
    zone: str,
    names: Sequence[str],
) -> Histogram:
    try:
        return histogram(
            connection, *contact, occurred_from=days[0], occurred_before=days[1], time_zone=zone, names=names
        )
    except psycopg.errors.InvalidParameterValue as error:  # a zone that the database's own list does not have
        fault = Fault("time_zone", "unknown_time_zone", "The database does not know this time zone.")
        raise Problem(422, "invalid_parameters", "Some query parameters are not usable.", [fault]) from error
