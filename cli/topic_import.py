"""`contact-events topic import`: a file of events through the API onto the timelines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from cli.topic_import_reading import FORMS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """Where the API is, and the key to come in with."""

    base_url: str
    api_key: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read and check them."""
        from runtime.settings import SettingsReader

        reader = SettingsReader(environment)
        settings = cls(base_url=reader.text("BASE_URL").rstrip("/"), api_key=reader.text("API_KEY"))
        reader.finish()
        return settings


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(FORMS), help="The file's form. CSV if its name says so, else NDJSON."
)
@click.option("--create-contacts", is_flag=True, help="Make contacts whose external_id is not known yet.")
@click.pass_obj
def import_(environment: Mapping[str, str], *, file: Path, form: str | None, create_contacts: bool) -> None:
    """Send the events of FILE to the API at BASE_URL with API_KEY.

    A line is what the API's batch takes: id, contact_id or external_id, name, occurred_at, properties. Events without
    an id get one made of what they say, so that a second run changes no timeline. With --format segment a line is a
    message of Segment's: track becomes an event, identify its contact. Interrupted, it goes on where it was when it is
    started again. What the API refuses is listed in FILE.errors.ndjson, by line, and the exit code is 1.
    """
    from cli.demo.api import Api, ApiError
    from cli.topic_import_sending import Import
    from runtime.settings import SettingsError

    form = form or ("csv" if file.suffix.lower() == ".csv" else "ndjson")
    try:
        settings = ImportSettings.read(environment)
        api = Api(settings.base_url, settings.api_key, patience=600)
        work = Import(api, settings.base_url, file, form=form, create_contacts=create_contacts)
        state = work.run()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except ApiError as error:
        raise click.ClickException(f"{error}\nThe same command goes on where this stopped.") from error
    ignored = f", {state.ignored:,} of types that are not kept" if state.ignored else ""
    click.echo(f"{state.accepted:,} events accepted, {state.rejected:,} refused{ignored}", err=True)
    if state.rejected:
        raise click.ClickException(f"what was refused is listed in {work.errors}")
