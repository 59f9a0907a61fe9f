"""The composition root of the tools that fold beside the live projector: rebuild and verify."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import sql

from projector.errors import BusyError
from projector.housekeeping import NEW, OLD, SCRATCH, claim, connect
from projector.rebuild import Rebuild
from projector.topic import describe_topic
from runtime.kafka import build_admin, build_consumer
from runtime.postgres import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projector.proof import Comparison
    from projector.settings import Settings

CLIENT_ID = "contact-events-rebuild"


@contextmanager
def open_rebuild(
    settings: Settings, schema: str, report: Callable[[str], None], rate: int | None = None
) -> Iterator[Rebuild]:
    """Open a set of tables beside the live one, made new or as an interrupted rebuild left it."""
    admin = build_admin(settings.bootstrap_servers, CLIENT_ID)
    try:
        topic = describe_topic(admin, settings.topic)
    finally:
        admin.close()
    consumer = build_consumer(
        settings.bootstrap_servers,
        CLIENT_ID,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_bytes=16 * 1024 * 1024,
        metrics_enabled=False,
    )
    try:
        rebuild = Rebuild(
            url=settings.database_url,
            topic=topic,
            consumer=consumer,
            watchdog=Watchdog(),
            schema=schema,
            batch_size=settings.batch_size,
            rate=rate,
            report=report,
        )
        try:
            yield rebuild
        finally:
            rebuild.close()
    finally:
        consumer.close()


def rebuild_and_swap(
    settings: Settings, report: Callable[[str], None], rate: int | None = None, *, accept: bool = False
) -> Comparison:
    """Rebuild, prove, catch up, swap; with `accept` also when the tables differ, after a change of the fold.

    Raises DifferentError, and leaves everything as it is, when they differ and that is not accepted.
    """
    from projector.rebuild import DifferentError  # noqa: PLC0415

    with open_rebuild(settings, NEW, report, rate) as rebuild:
        try:
            comparison = rebuild.prove()
        except DifferentError as error:
            if not accept:
                raise
            comparison = error.comparison
        report("catching up with the log")
        rebuild.catch_up()
        rebuild.swap()
        report("the new tables are live; dropping the old ones")
        rebuild.discard(OLD)
    return comparison


def abandon(settings: Settings) -> bool:
    """Drop what an interrupted rebuild has left; False when there was nothing.

    Raises BusyError while a rebuild is at work.
    """
    with connect(settings.database_url) as connection:
        if not claim(connection, NEW):
            raise BusyError("a rebuild is at work on these tables; end it first")
        row = connection.execute("SELECT to_regnamespace(%(schema)s) IS NOT NULL", {"schema": NEW}).fetchone()
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(NEW)))
        return bool(row and row[0])


def verify(settings: Settings, report: Callable[[str], None], rate: int | None = None) -> Comparison:
    """Recompute everything from the topic in a set of its own, compare, and drop it again."""
    with open_rebuild(settings, SCRATCH, report, rate) as rebuild:
        try:
            return rebuild.prove()
        finally:
            rebuild.discard(SCRATCH)
