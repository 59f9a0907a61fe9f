"""`contact-events workspaces`: the customers of ours that own keys and contacts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


@click.group()
def workspaces() -> None:
    """Create, change and list workspaces."""


def check_time_zone(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Accept an IANA name."""
    if value is not None and value not in available_timezones():
        raise click.BadParameter(f"{value!r} is not an IANA time zone such as Europe/Berlin")
    return value


def check_origins(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Accept origins alone: they go into a Content-Security-Policy, where anything more would be read as a rule."""
    for origin in value:
        if not _ORIGIN.fullmatch(origin):
            raise click.BadParameter(f"{origin!r} is not an origin such as https://helpdesk.example.com")
    return value


@workspaces.command()
@click.option("--name", required=True, help="What people call it.")
@click.option("--time-zone", default="UTC", show_default=True, callback=check_time_zone, help="IANA name.")
@click.pass_obj
def create(environment: Mapping[str, str], name: str, time_zone: str) -> None:
    """Create a workspace and print its id."""
    import psycopg

    from cli.settings import database_url

    with psycopg.connect(database_url(environment)) as connection:
        row = connection.execute(
            "INSERT INTO write_side.workspaces (name, time_zone) VALUES (%s, %s) RETURNING id", [name, time_zone]
        ).fetchone()
    assert row is not None
    click.echo(row[0])


@workspaces.command(name="set")
@click.argument("workspace", type=int)
@click.option("--time-zone", callback=check_time_zone, help="IANA name; pages are first rendered in it.")
@click.option(
    "--frame-ancestor", "frame_ancestors", multiple=True, callback=check_origins,
    help="Origin that may show the sidebar in a frame; replaces the list; may be repeated.",
)  # fmt: skip
@click.option(
    "--strict-names/--any-names", default=None, help="Refuse event names outside lowercase_underscore, or warn."
)
@click.option(
    "--pin-custom-data", "pinned", multiple=True,
    help="Key of custom data that the sidebar shows first; replaces the list; may be repeated. '' alone empties it.",
)  # fmt: skip
@click.option("--events-per-second", type=click.FloatRange(0), help="Rate limit of writes; 0 for none.")
@click.pass_obj
def change(  # noqa: PLR0913 - one argument an option
    environment: Mapping[str, str],
    workspace: int,
    *,
    time_zone: str | None,
    frame_ancestors: tuple[str, ...],
    strict_names: bool | None,
    events_per_second: float | None,
    pinned: tuple[str, ...],
) -> None:
    """Change a workspace's settings; what is not named stays."""
    import psycopg

    from cli.settings import database_url

    settings: dict[str, object] = {} if strict_names is None else {"strict_names": strict_names}
    if events_per_second is not None:
        settings["events_per_second"] = events_per_second or None
    if pinned:
        settings["pinned_custom_data"] = [key for key in pinned if key]
    with psycopg.connect(database_url(environment)) as connection:
        changed = connection.execute(
            "UPDATE write_side.workspaces SET time_zone = coalesce(%(time_zone)s, time_zone),"
            " frame_ancestors = coalesce(%(frame_ancestors)s, frame_ancestors),"
            " settings = settings || %(settings)s::jsonb WHERE id = %(id)s",
            {
                "id": workspace,
                "time_zone": time_zone,
                "frame_ancestors": list(frame_ancestors) or None,
                "settings": json.dumps(settings),
            },
        ).rowcount
    if not changed:
        raise click.ClickException(f"There is no workspace {workspace}.")
    click.echo(f"changed workspace {workspace}")


@workspaces.command(name="list")
@click.pass_obj
def list_(environment: Mapping[str, str]) -> None:
    """List the workspaces: id, name, time zone, frame ancestors."""
    import psycopg

    from cli.settings import database_url

    with psycopg.connect(database_url(environment)) as connection:
        rows = connection.execute("SELECT id, name, time_zone, frame_ancestors FROM write_side.workspaces ORDER BY id")
        for id_, name, time_zone, frame_ancestors in rows:
            click.echo(f"{id_}\t{name}\t{time_zone}\t{' '.join(frame_ancestors)}")
