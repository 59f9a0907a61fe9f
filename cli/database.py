"""`contact-events migrate`: bring the database up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.pass_obj
def migrate(environment: Mapping[str, str]) -> None:
    """Apply the SQL migrations that the database does not have yet."""
    import psycopg

    from cli.settings import database_url
    from schemas.migrations.runner import MigrationError, migrate_all

    with psycopg.connect(database_url(environment), autocommit=True) as connection:
        try:
            applied = migrate_all(connection)
        except MigrationError as error:
            raise click.ClickException(str(error)) from error
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("The database is up to date.")
