"""The composition root of the query service: the only place where its clients are made."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from query.access import Access
from query.app import build_app
from query.catalogue import Catalogues
from query.cursors import CursorSigner
from query.gate import Gate
from query.live import Live
from query.page_reads import DatabasePageReads
from query.pages import build_pages
from query.progress import Listener, Progress
from query.reading import Reading
from query.services import Services
from query.sessions import Sessions
from query.settings import Settings
from query.sidebar_tokens import SidebarTokens
from runtime.authentication import KeyRing, LookupFailedError, utc_now
from runtime.postgres import Watchdog, build_pool, connection_string
from runtime.service import Service
from schemas.api_keys import ApiKey, StoredKey, find_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from psycopg import Connection

POOL_SIZE: Final = 8
"""More connections only make threads change places more often: 16 cost PostgreSQL half as much again."""

STATEMENT_TIMEOUT: Final = 4_000
"""Milliseconds; below the watchdog's deadline, so that a healthy server ends a slow statement by itself."""

CHECK_SECONDS: Final = 1.5


def build(environment: Mapping[str, str], now: Callable[[], datetime] = utc_now) -> Service:
    """Build the service from the environment; raise SettingsError. Starts threads, so it belongs into the worker."""
    settings = Settings.read(environment)
    watchdog, progress = Watchdog(), Progress()
    conninfo = connection_string(
        settings.database_url,
        role="contact_events_query",
        schema="projection",
        application_name="contact-events query",
        statement_timeout=STATEMENT_TIMEOUT,
    )
    pool = build_pool(conninfo, max_size=POOL_SIZE, check=_bounded_check(watchdog))
    pool.max_waiting = settings.threads  # as many can wait as there are to wait, each for two seconds at most
    pool.open(wait=False)  # the process starts, and says 503, also while the database is away
    reading = Reading(pool, watchdog)
    catalogues = Catalogues(reading)
    listener = Listener(conninfo, progress, watchdog)
    live = Live(reading, progress, now, capacity=max(1, settings.threads * 3 // 4))
    sessions, sidebar_tokens = Sessions(settings.secret_key, now), SidebarTokens(settings.secret_key, now)
    keys = KeyRing[ApiKey, StoredKey](ApiKey.parse, _find_key(pool, watchdog), now)
    services = Services(
        settings=settings,
        reading=reading,
        catalogues=catalogues,
        access=Access(keys, sessions, sidebar_tokens),
        gate=Gate(reading, progress),
        cursors=CursorSigner(settings.secret_key),
        sessions=sessions,
        sidebar_tokens=sidebar_tokens,
        live=live,
        now=now,
    )
    listener.start()
    live.start()

    def close() -> None:
        live.close()
        listener.close()
        pool.close()

    pages = build_pages(
        reads=DatabasePageReads(reading, lambda: progress.behind_since(now()), catalogues),
        access=services.access,
        sessions=sessions,
        cursors=services.cursors,
        base_url=settings.base_url,
        secure=settings.secure,
        now=now,
    )
    checks = {"timelines": _check_database(pool, watchdog), "projection": lambda: _check_listener(listener)}
    return Service(build_app(services, [pages]), checks, close)


BELIEVED_SECONDS: Final = 1.0
"""How long a connection that was fine is taken to be so: a check is a round trip, a quarter of a page's cost."""

LOOKUPS_AT_ONCE: Final = 4


def _bounded_check(watchdog: Watchdog) -> Callable[[Connection[Any]], None]:
    """Make the pool's check of a connection: it ends also when the server is frozen, and costs no busy one a thing."""
    answered_at: WeakKeyDictionary[Connection[Any], float] = WeakKeyDictionary()

    def check(connection: Connection[Any]) -> None:
        if time.monotonic() - answered_at.get(connection, 0.0) < BELIEVED_SECONDS:
            return
        with watchdog.limit(connection, CHECK_SECONDS):
            ConnectionPool.check_connection(connection)
        answered_at[connection] = time.monotonic()

    return check


def _find_key(pool: ConnectionPool[Connection[Any]], watchdog: Watchdog) -> Callable[[str], StoredKey | None]:
    turnstile = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)  # else every thread looks up the same key after a start

    def find(key_id: str) -> StoredKey | None:
        if not turnstile.acquire(timeout=CHECK_SECONDS):
            raise LookupFailedError
        try:
            with pool.connection() as connection, watchdog.limit(connection, CHECK_SECONDS):
                return find_key(connection, key_id)
        except (PoolTimeout, TooManyRequests, psycopg.Error) as error:
            raise LookupFailedError from error
        finally:
            turnstile.release()

    return find


def _check_database(pool: ConnectionPool[Connection[Any]], watchdog: Watchdog) -> Callable[[], str | None]:
    def check() -> str | None:
        try:
            with pool.connection(timeout=CHECK_SECONDS) as connection, watchdog.limit(connection, CHECK_SECONDS):
                connection.execute("SELECT FROM positions LIMIT 1")
        except (PoolTimeout, TooManyRequests, psycopg.Error) as error:
            return f"the timelines cannot be read: {type(error).__name__}"
        return None

    return check


def _check_listener(listener: Listener) -> str | None:
    """Tell whether this process hears how far the projection is.

    A projector that is behind does not make it unready: old timelines are worth reading, and pages and streams say
    that they are old.
    """
    return None if listener.connected else "not listening to the projection yet"
