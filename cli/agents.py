"""`contact-events agents`: let support agents in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def agents() -> None:
    """Let support agents in."""


@agents.command()
@click.option("--workspace", type=int, default=1, show_default=True, help="Id of the workspace to sign in to.")
@click.option("--next", "next_path", default="/", show_default=True, help="Page to show first, e.g. /contacts/17.")
@click.pass_obj
def link(environment: Mapping[str, str], workspace: int, next_path: str) -> None:
    """Print a link that signs its reader in for twelve hours. Whoever has the link is let in: send it as a secret."""
    import psycopg

    from query.sessions import Sessions, local_path
    from query.settings import Settings
    from runtime.settings import SettingsError

    try:
        settings = Settings.read(environment)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    if local_path(next_path) != next_path:
        raise click.BadParameter(f"{next_path!r} is not the path of a page of ours, such as /contacts/17")
    with psycopg.connect(settings.database_url) as connection:
        known = connection.execute("SELECT FROM write_side.workspaces WHERE id = %s", [workspace]).fetchone()
    if known is None:
        raise click.ClickException(f"There is no workspace {workspace}.")
    click.echo(
        Sessions(settings.secret_key, lambda: datetime.now(UTC)).sign_in_link(settings.base_url, workspace, next_path)
    )
