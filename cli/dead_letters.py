"""`contact-events dead-letters`: look at the records that could not be applied, replay them or discard them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from cli.proofs import reported_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kafka import KafkaProducer
    from psycopg import Connection

    from projector.position_table import Topic
    from projector.setting_right import StoredLetter


class Place(click.ParamType["tuple[int, int]"]):
    """A place in the log, written partition:offset."""

    name = "PARTITION:OFFSET"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Read it."""
        partition, _, offset = str(value).partition(":")
        if not (partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
            self.fail(f"{value!r} is not a place such as 3:1207", param, ctx)
        return int(partition), int(offset)


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at records that could not be applied; replay or discard them."""


@dead_letters.command("list")
@click.option("--reason", help="Only those set aside for this reason.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.pass_obj
def list_(environment: Mapping[str, str], reason: str | None, limit: int) -> None:
    """List them in log order: place, when, reason, detail."""
    from projector.setting_right import list_letters
    from schemas.times import format_time

    with reported_faults(), connected(environment) as connection:
        letters = list_letters(connection, reason, limit)
    for letter in letters:
        place = f"{letter.log_partition}:{letter.log_offset}"
        click.echo(f"{place:<14} {format_time(letter.logged_at):<28} {letter.reason:<20} {letter.detail}")
    click.echo(f"{len(letters)} dead letters" + (" (there may be more)" if len(letters) == limit else ""), err=True)


@dead_letters.command()
@click.argument("place", type=Place())
@click.pass_obj
def show(environment: Mapping[str, str], place: tuple[int, int]) -> None:
    """Show one whole, byte for byte: what is not readable text is escaped."""
    with reported_faults(), connected(environment) as connection:
        letter = found(connection, place)
    for name, text in (("reason", letter.reason), ("detail", letter.detail), ("logged at", str(letter.logged_at))):
        click.echo(f"{name:<10} {text}")
    click.echo(f"{'key':<10} {readable(letter.record_key)}")
    click.echo(f"{'value':<10} {readable(letter.record_value)}")


@dead_letters.command()
@click.argument("places", type=Place(), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that this version can apply.")
@click.option("--reason", help="With --all: only those set aside for this reason.")
@click.pass_obj
def replay(environment: Mapping[str, str], places: tuple[Any, ...], everything: bool, reason: str | None) -> None:  # noqa: FBT001 - a flag
    """Publish them again as new records, and take the old ones out of the log."""
    from projector.setting_right import NotReplayableError
    from projector.setting_right import replay as replay_one

    failed = 0
    with reported_faults(), connected(environment) as connection, publishing(environment) as (producer, topic):
        for letter in chosen(connection, places, reason, everything=everything):
            place = f"{letter.log_partition}:{letter.log_offset}"
            try:
                partition, offset = replay_one(producer, topic, letter)
                click.echo(f"{place} is published again at {partition}:{offset}")
            except NotReplayableError as error:
                failed += 1
                click.echo(f"{place} stays: {error}", err=True)
    if failed:
        raise click.ClickException(f"{failed} could not be replayed")


@dead_letters.command()
@click.argument("places", type=Place(), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--reason", help="With --all: only those set aside for this reason.")
@click.confirmation_option(prompt="Discarded records are gone from the log for good. Go on?")
@click.pass_obj
def discard(environment: Mapping[str, str], places: tuple[Any, ...], everything: bool, reason: str | None) -> None:  # noqa: FBT001 - a flag
    """Take them out of the log for good."""
    from projector.setting_right import discard as discard_one

    with reported_faults(), connected(environment) as connection, publishing(environment) as (producer, topic):
        for letter in chosen(connection, places, reason, everything=everything):
            discard_one(producer, topic, letter)
            click.echo(f"{letter.log_partition}:{letter.log_offset} is discarded")


def chosen(
    connection: Connection[Any], places: tuple[tuple[int, int], ...], reason: str | None, *, everything: bool
) -> list[StoredLetter]:
    """Find the dead letters that a command is to work on."""
    from projector.setting_right import list_letters

    if everything == bool(places):
        raise click.UsageError("name places, or say --all")
    if everything:
        return list_letters(connection, reason, 1_000_000)
    return [found(connection, place) for place in places]


def found(connection: Connection[Any], place: tuple[int, int]) -> StoredLetter:
    """Find one; a ClickException when there is none."""
    from projector.setting_right import find_letter

    letter = find_letter(connection, *place)
    if letter is None:
        raise click.ClickException(f"there is no dead letter at {place[0]}:{place[1]}")
    return letter


def readable(data: bytes | None) -> str:
    """Write bytes as text, with what is not printable escaped."""
    if data is None:
        return "(none)"
    text = data.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


@contextmanager
def connected(environment: Mapping[str, str]) -> Iterator[Connection[Any]]:
    """Connect as the projector's role does."""
    import psycopg

    from projector.settings import Settings
    from runtime.postgres import connection_string

    conninfo = connection_string(
        Settings.read(environment).database_url,
        role="contact_events_projector",
        schema="projection",
        application_name="contact-events dead-letters",
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield cast("Connection[Any]", connection)


@contextmanager
def publishing(environment: Mapping[str, str]) -> Iterator[tuple[KafkaProducer, Topic]]:
    """Open a producer for the topic."""
    from projector.settings import Settings
    from projector.topic import describe_topic
    from runtime.kafka import build_admin, build_producer

    settings = Settings.read(environment)
    admin = build_admin(settings.bootstrap_servers, "contact-events-dead-letters")
    try:
        topic = describe_topic(admin, settings.topic)
    finally:
        admin.close()
    producer = build_producer(settings.bootstrap_servers, "contact-events-dead-letters")
    try:
        yield producer, topic
    finally:
        producer.close(timeout=10)
