"""`contact-events keys`: make API keys. A key is shown once; only its hash is stored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from schemas.api_keys import SCOPES, ApiKey, insert_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.option("--workspace", type=int, required=True, help="Id of the workspace that the key belongs to.")
@click.option("--name", required=True, help="What the key is for, e.g. `billing service`.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be repeated; all scopes when left out."
)
@click.option("--expires-at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="e.g. 2027-01-31T00:00:00+00:00")
@click.pass_obj
def create(
    environment: Mapping[str, str], workspace: int, name: str, scopes: tuple[str, ...], expires_at: datetime | None
) -> None:
    """Create a key and print it: this is the only time it can be seen."""
    import psycopg

    from cli.settings import database_url

    key = ApiKey.make(os.urandom)
    with psycopg.connect(database_url(environment)) as connection:
        try:
            insert_key(
                connection,
                key=key,
                workspace_id=workspace,
                name=name,
                scopes=list(scopes or SCOPES),
                expires_at=expires_at,
            )
        except psycopg.errors.ForeignKeyViolation as error:
            raise click.ClickException(f"There is no workspace {workspace}.") from error
    click.echo(str(key))


@keys.command(name="list")
@click.option("--workspace", type=int, required=True)
@click.pass_obj
def list_(environment: Mapping[str, str], workspace: int) -> None:
    """List a workspace's keys: id, name, scopes, when created, last used, expiring, revoked."""
    import psycopg

    from cli.settings import database_url

    with psycopg.connect(database_url(environment)) as connection:
        rows = connection.execute(
            "SELECT key_id, name, scopes, created_at, last_used_at, expires_at, revoked_at"
            " FROM write_side.api_keys WHERE workspace_id = %s ORDER BY created_at",
            [workspace],
        )
        for key_id, name, scopes, *moments in rows:
            shown = "\t".join(f"{moment:%Y-%m-%d %H:%M}" if moment else "-" for moment in moments)
            click.echo(f"{key_id}\t{name}\t{','.join(scopes)}\t{shown}")


@keys.command()
@click.argument("key_id")
@click.pass_obj
def revoke(environment: Mapping[str, str], key_id: str) -> None:
    """Revoke a key; every process refuses it within ten seconds."""
    import psycopg

    from cli.settings import database_url

    with psycopg.connect(database_url(environment)) as connection:
        changed = connection.execute(
            "UPDATE write_side.api_keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL", [key_id]
        ).rowcount
    if not changed:
        raise click.ClickException(f"There is no key {key_id} in force.")
    click.echo(f"revoked {key_id}")
