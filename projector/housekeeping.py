"""What has to go after a while: when batches were committed, and sets of tables that were left behind.

A rebuild or verify that was interrupted leaves a set which no erasure reaches until it is taken up again; then it
applies them before anything of it can be seen. One that nobody takes up must not keep what was erased: it goes after
seven days.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
import structlog
from psycopg import conninfo, errors, sql

if TYPE_CHECKING:
    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

log = structlog.get_logger()

KEEP_COMMITS: Final = timedelta(days=3)
KEEP_SETS: Final = timedelta(days=7)

NEW: Final = "projection_rebuild"
OLD: Final = "projection_replaced"
SCRATCH: Final = "projection_verify"
"""The sets of tables beside the live one."""

EVERY: Final = 600.0
"""Seconds between two rounds."""

_CLAIM: Final = "SELECT pg_try_advisory_lock(hashtext('contact-events set'), hashtext(%(schema)s))"
_RELEASE: Final = "SELECT pg_advisory_unlock(hashtext('contact-events set'), hashtext(%(schema)s))"

_PRUNE: Final = sql.SQL("""
    DELETE FROM {table} WHERE committed_at < clock_timestamp() - %(keep)s
""")

_LEFT_BEHIND: Final = """
    SELECT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'applied_migrations'
    WHERE n.nspname = ANY(%(sets)s::text[]) ORDER BY n.nspname
"""

# A replaced set is older than it has been out of use, and nobody needs it: it goes as soon as nobody works on it.
_IS_OLD: Final = sql.SQL("""
    SELECT min(applied_at) < clock_timestamp() - %(keep)s FROM {ledger}
""")


def claim(connection: Connected, schema: str) -> bool:
    """Take a set of tables for this session, for as long as its connection is open; False when another has it."""
    (claimed,) = connection.execute(_CLAIM, {"schema": schema}).fetchone() or (False,)
    return bool(claimed)


def tidy(connection: Connected, live: str, keep_sets: timedelta = KEEP_SETS) -> list[str]:
    """Prune, and drop sets that were left behind; return their names. The connection is that of the tables' owner."""
    table = sql.Identifier(live, "projected_batches")
    connection.execute(_PRUNE.format(table=table), {"keep": KEEP_COMMITS})
    dropped = []
    for (schema,) in connection.execute(_LEFT_BEHIND, {"sets": [NEW, OLD, SCRATCH]}).fetchall():
        if not claim(connection, schema):
            continue  # a rebuild is at work on it
        try:
            ledger = sql.Identifier(schema, "applied_migrations")
            (old,) = connection.execute(_IS_OLD.format(ledger=ledger), {"keep": keep_sets}).fetchone() or (False,)
            if old:
                connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
                dropped.append(schema)
        finally:
            connection.execute(_RELEASE, {"schema": schema})
    return dropped


def start_housekeeping(url: str, live: str, stop: threading.Event) -> threading.Thread:
    """Tidy now and then until `stop` is set. Every projector may: a set is claimed before it is dropped."""

    def work() -> None:
        while not stop.wait(EVERY):
            try:
                with connect(url) as connection:
                    for schema in tidy(connection, live):
                        log.info("a set of tables that nobody took up again was dropped", schema=schema)
            except errors.InsufficientPrivilege as error:
                log.warning("an old set of tables is to be dropped by its owner", reason=str(error).splitlines()[0])
            except psycopg.Error as error:
                log.warning("housekeeping will be tried again", reason=type(error).__name__)

    thread = threading.Thread(target=work, name="housekeeping", daemon=True)
    thread.start()
    return thread


def connect(url: str) -> Connected:
    """Open a connection of the login itself, without a role: dropping tables is for their owner."""
    url = conninfo.make_conninfo(
        url, application_name="contact-events housekeeping", connect_timeout=2, options="-c statement_timeout=60000"
    )
    return psycopg.connect(url, autocommit=True)
