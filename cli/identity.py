"""`contact-events identity`: the table that says which number is whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def identity() -> None:
    """Look after the table of contact numbers."""


@identity.command()
@click.pass_obj
def rebuild(environment: Mapping[str, str]) -> None:
    """Make the table again from the topic, after a restored or lost database; stop ingest while it runs."""
    import psycopg

    from cli.settings import TopicCommandSettings, database_url
    from ingest.rebuild import read_log, write_table
    from runtime.kafka import build_consumer

    settings = TopicCommandSettings.read(environment)
    consumer = build_consumer(settings.bootstrap_servers, "contact-events-identity", None)
    try:
        consumer.topics()
        topic_id = consumer._client.cluster.topic_id(settings.topic)  # noqa: SLF001 - kafka-python has no public way to it
        if topic_id is None:
            raise click.ClickException(f"There is no topic {settings.topic}.")
        log = read_log(consumer, settings.topic, topic_id, lambda read: click.echo(f"read {read} records", err=True))
    finally:
        consumer.close()
    with psycopg.connect(database_url(environment), autocommit=True) as connection:
        report = write_table(connection, log)
    click.echo(
        f"{report.inserted} contacts inserted, {report.removed} erased ones removed, "
        f"the next number is {report.next_number}"
    )
    if report.conflicts:
        numbers = ", ".join(map(str, report.conflicts[:20]))
        raise click.ClickException(
            f"The table gives {len(report.conflicts)} numbers to somebody else than the log does: {numbers}. "
            "These were left as they are; the projection follows the log."
        )
