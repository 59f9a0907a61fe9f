"""`contact-events erasure`: follow an erasure to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.dead_letters import connected
from cli.proofs import reported_faults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from projector.erasure_status import ErasureStatus


@click.group()
def erasure() -> None:
    """Follow an erasure to its end."""


@erasure.command()
@click.option("--workspace", type=click.IntRange(min=1), required=True)
@click.option("--contact", type=click.IntRange(min=1), required=True)
@click.pass_obj
def status(environment: Mapping[str, str], workspace: int, contact: int) -> None:
    """Say what is left of a contact in the tables and in the log, and until when.

    Exit code 0: nothing is left. 1: something is, or the contact was never erased.
    """
    from projector.erasure_status import erasure_status
    from projector.retention import erasure_bound
    from projector.settings import Settings
    from projector.topic import describe_topic
    from runtime.kafka import build_admin, build_consumer

    with reported_faults():
        settings = Settings.read(environment)
        admin = build_admin(settings.bootstrap_servers, "contact-events-erasure")
        consumer = build_consumer(settings.bootstrap_servers, "contact-events-erasure", metrics_enabled=False)
        try:
            topic = describe_topic(admin, settings.topic)
            bound = erasure_bound(admin, settings.topic)
            with connected(environment) as connection:
                found = erasure_status(connection, consumer, topic, workspace, contact)
        finally:
            consumer.close()
            admin.close()
    print_status(found, bound)
    if found.erased_at is None:
        raise click.ClickException("this contact has not been erased, or the erasure has not been applied yet")
    if left_over(found):
        raise click.ClickException("something is left")
    click.echo("nothing is left")


def left_over(found: ErasureStatus) -> bool:
    """Tell whether anything of the contact can still be read anywhere."""
    return bool(any(found.rows.values()) or found.records_in_log or found.tombstones_waiting)


def print_status(found: ErasureStatus, bound: timedelta) -> None:
    """Print what there is."""
    from schemas.times import format_time

    click.echo(f"erased      {format_time(found.erased_at) if found.erased_at else 'no'}")
    left = {place: count for place, count in found.rows.items() if count}
    sets = sorted({schema for schema, _ in found.rows})
    click.echo(f"tables      {sum(left.values())} rows left in {', '.join(sets)}")
    for (schema, table), count in left.items():
        click.echo(f"            {schema}.{table}: {count}")
    click.echo(f"tombstones  {found.tombstones_sent} sent, {found.tombstones_waiting} waiting to be sent")
    click.echo(
        f"log         {found.records_in_log} records left in partition {found.log_partition}"
        f" ({found.erasures_in_log} erasures and {found.tombstones_in_log} tombstones, which hold nothing)"
    )
    if found.records_in_log and found.last_sent_at:
        click.echo(f"            gone by {format_time(found.last_sent_at + bound)} at the latest")
