"""The composition root of ingest: every client is made here, once a process, and passed on."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from ingest import metrics
from ingest.admission import Gate
from ingest.advice import Advice
from ingest.app import build_app
from ingest.contacts import Contacts
from ingest.database import Database
from ingest.delivery_log import DeliveryLog
from ingest.delivery_writer import DeliveryWriter
from ingest.erasing import Erasing
from ingest.event_names import EventNames
from ingest.events import EventReader
from ingest.key_use import KeyUse
from ingest.known_contacts import KnownContacts
from ingest.known_names import KnownNames
from ingest.name_rules import EventNameChange
from ingest.parts import Parts
from ingest.publisher import Publisher
from ingest.recording import Recording
from ingest.refusals import Refusals
from ingest.rules import BatchEvent, Contact, ContactChange, Event
from ingest.settings import Settings
from ingest.sweeper import Sweeper
from ingest.topic_limit import TopicLimit
from ingest.workspaces import RateLimits, Workspaces
from runtime.authentication import KeyRing, utc_now
from runtime.kafka import build_admin, build_producer
from runtime.service import Service
from schemas.api_keys import ApiKey, StoredKey, find_key
from schemas.ids import uuid7, uuid7_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


def build(
    environment: Mapping[str, str],
    *,
    now: Callable[[], datetime] = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
) -> Service:
    """Build the service; raise SettingsError for an unusable environment. Starts without Kafka or PostgreSQL.

    The clocks tell how old what is remembered is, and when events may have occurred.
    """
    settings = Settings.read(environment)
    database = Database(settings.database_url, settings.database_connections)
    gate = Gate(settings.max_outstanding_bytes, settings.max_outstanding_requests)
    metrics.OUTSTANDING_BYTES.set_function(lambda: gate.outstanding_bytes)
    publisher = Publisher(
        partial(build_producer, settings.bootstrap_servers, "contact-events-ingest"),
        settings.topic,
        gate,
        TopicLimit(partial(build_admin, settings.bootstrap_servers, "contact-events-ingest"), settings.topic),
    )
    known = KnownContacts(database, monotonic)
    contacts = Contacts(database, publisher, known, now=now, new_id=uuid7)
    erasing = Erasing(database, publisher, known, now=now, new_id=uuid7)
    key_use = KeyUse(database)
    deliveries = DeliveryLog()
    delivery_writer = DeliveryWriter(database, deliveries, writer=uuid7(), now=now, monotonic=monotonic)
    sweeper = Sweeper(contacts, erasing, key_use, delivery_writer)
    names = KnownNames(database, monotonic)
    advice = Advice(names)
    parts = Parts(
        keys=KeyRing(ApiKey.parse, partial(_find_key, database), now),
        key_use=key_use,
        workspaces=Workspaces(database, monotonic),
        rates=RateLimits(1 / settings.workers, monotonic),
        known=known,
        advice=advice,
        recording=Recording(publisher, known, advice, uuid7_texts),
        contacts=contacts,
        erasing=erasing,
        event_names=EventNames(database, publisher, now=now, new_id=uuid7),
        events=EventReader(Event(now), in_batch=False),
        batch_events=EventReader(BatchEvent(now), in_batch=True),
        contact_rules=Contact(now),
        change_rules=ContactChange(now),
        refusals=Refusals(deliveries, now),
        name_rules=EventNameChange(now),
        now=now,
        new_id=uuid7,
    )

    def close() -> None:
        sweeper.stop()
        names.stop()
        delivery_writer.stop()
        publisher.close()
        database.close()

    database.open()
    sweeper.start()
    delivery_writer.start()
    names.start()
    checks = {"kafka": publisher.unavailable, "postgres": database.unavailable}
    return Service(app=build_app(parts), checks=checks, close=close)


def _find_key(database: Database, key_id: str) -> StoredKey | None:
    with database.connection() as connection:
        return find_key(connection, key_id)
