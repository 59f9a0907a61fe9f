"""The write API: which path leads to which work. Thin: authenticate, read, check, publish, answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from ingest import answers, metrics
from ingest.batches import Batch, read_events, split_lines
from ingest.bodies import is_ndjson, read_body
from ingest.contact_bodies import read_contact
from ingest.contacts import Busy, ContactDraft, Erased
from ingest.database import DatabaseAwayError
from ingest.events import Invalid
from ingest.fields import AHEAD
from ingest.names import warnings
from ingest.publisher import Unavailable
from ingest.recording import rejected
from ingest.requests import authenticate, contact_id_from, header_id, id_faults
from runtime.problems import Problem, install_problem_handlers
from runtime.web import install_request_ids

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from ingest.contact_bodies import ContactBody
    from ingest.contacts import Contacts
    from ingest.events import EventDraft, EventReader
    from ingest.known_contacts import KnownContacts
    from ingest.recording import Recording
    from ingest.rules import Rules
    from runtime.authentication import KeyRing
    from schemas.api_keys import ApiKey, StoredKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the handlers work with, made once by the composition root."""

    keys: KeyRing[ApiKey, StoredKey]
    known: KnownContacts
    recording: Recording
    contacts: Contacts
    events: EventReader
    batch_events: EventReader
    contact_rules: Rules
    change_rules: Rules
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]


def build_app(parts: Parts) -> Flask:
    """Make the WSGI application."""
    app = Flask("ingest", static_folder=None)
    install_request_ids(app)
    install_problem_handlers(app, lambda code: metrics.PROBLEMS.labels(code).inc())
    app.add_url_rule("/api/v1/contacts", view_func=_view(parts, post_contact), methods=["POST"])
    app.add_url_rule("/api/v1/contacts/<contact_id>/events", view_func=_view(parts, post_event), methods=["POST"])
    app.add_url_rule("/api/v1/events/batch", view_func=_view(parts, post_batch), methods=["POST"])
    return app


def _view(parts: Parts, handler: Callable[..., Response]) -> Callable[..., Response]:
    def view(**arguments: str) -> Response:
        return handler(parts, **arguments)

    view.__name__ = handler.__name__
    return view


def post_event(parts: Parts, contact_id: str) -> Response:
    """Record one event of the contact in the path."""
    key = authenticate(parts.keys, request, "events:write")
    received_at = parts.now()
    draft = parts.events.read(read_body(request), received_at + AHEAD)
    id_ = _id(draft)
    assert not isinstance(draft, Invalid)
    number = contact_id_from(contact_id)
    id_ = id_ or str(parts.new_id())
    try:
        if number is None or not parts.known.exists(key.workspace_id, number):
            raise answers.not_found()
        position = parts.recording.record(key.workspace_id, number, draft, id_, received_at)
    except Unavailable as error:
        raise answers.unavailable(error, id=id_) from error
    except DatabaseAwayError as error:
        raise answers.database_away(id=id_) from error
    return answers.answer(202, {"id": id_, "position": position, "warnings": warnings(draft.name)})


def _id(body: EventDraft | ContactBody | Invalid) -> str | None:
    """Settle the id of a request from body and header, or raise Problem with every fault of both."""
    in_header = header_id(request)
    faults = id_faults(None if isinstance(body, Invalid) else body.id, in_header)
    if isinstance(body, Invalid):
        if body.unreadable:
            raise answers.invalid(body)
        raise answers.rejected([*body.faults, *faults])
    if faults:
        raise answers.rejected(faults)
    return body.id or in_header


def post_batch(parts: Parts) -> Response:
    """Record events of many contacts."""
    key = authenticate(parts.keys, request, "events:write")
    body = read_body(request, ndjson_allowed=True)
    received_at = parts.now()
    latest = received_at + AHEAD
    if is_ndjson(request):
        items = [parts.batch_events.read(line, latest) for line in split_lines(body)]
    else:
        items = read_events(parts.batch_events, body, latest)
    batch: Batch[EventDraft] = Batch(items, rejected)
    try:
        parts.recording.record_batch(key.workspace_id, batch, received_at)
    except Unavailable as error:
        raise answers.unavailable(error) from error
    except DatabaseAwayError as error:
        raise answers.database_away() from error
    return _batch_answer(batch.document())


def _batch_answer(document: dict[str, object]) -> Response:
    if document["accepted"] == 0 and document["rejected"] == 0:
        detail = f"Kafka has not acknowledged any of this in time. {answers.SEND_AGAIN}"
        raise Problem(503, "not_acknowledged", detail, headers=answers.RETRY_AFTER, extra=document)
    whole = document["rejected"] == 0 and document["unknown"] == 0
    return answers.answer(202 if whole else 207, document)


def post_contact(parts: Parts) -> Response:
    """Create a contact, or find it by its external id and merge what is given."""
    key = authenticate(parts.keys, request, "contacts:write")
    body = read_contact(parts.contact_rules, read_body(request))
    update_id = _id(body) or str(parts.new_id())
    assert not isinstance(body, Invalid)
    assert body.external_id is not None
    draft = ContactDraft(update_id, body.external_id, body.profile, body.custom_data)
    try:
        outcome = parts.contacts.upsert(key.workspace_id, [draft])[0]
    except Unavailable as error:
        raise answers.unavailable(error, update_id=update_id) from error
    except DatabaseAwayError as error:
        raise answers.database_away(update_id=update_id) from error
    if isinstance(outcome, Erased):
        detail = "The contact with this external_id is being erased. Create it anew a little later."
        raise Problem(409, "contact_being_erased", detail, headers={"Retry-After": "60"})
    if isinstance(outcome, Busy):
        detail = f"Another request is creating this contact at this moment. {answers.SEND_AGAIN}"
        extra = {"update_id": update_id}
        raise Problem(503, "contact_being_created", detail, headers=answers.RETRY_AFTER, extra=extra)
    position = answers.position_of(outcome.outcome, update_id=update_id)
    contact = {"id": outcome.contact_id, "external_id": draft.external_id, "created": outcome.created}
    document = contact | {"update_id": update_id, "position": position, "warnings": []}
    return answers.answer(201 if outcome.created else 200, document)
