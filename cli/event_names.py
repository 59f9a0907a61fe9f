"""`contact-events event-names`: what the workspace's event names are, and what is known about them.

Goes through the API, as any app would: the key says which workspace, and what may be done.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.demo.api import Api

PATIENCE: Final = 15.0
"""Seconds for which a request is sent again while its outcome is unknown."""

AUTO: Final = "auto"


@click.group("event-names")
def event_names() -> None:
    """List the event names, and say what they mean and how they are shown.

    Needs BASE_URL and API_KEY, which `make up` leaves in .run/stack.env.
    """


@event_names.command(name="list")
@click.option("--archived", is_flag=True, help="The archived ones too.")
@click.pass_obj
def list_(environment: Mapping[str, str], *, archived: bool) -> None:
    """List them: name, how many events, when the last one came, what is set."""
    with reached(environment) as api:
        names = api.get("/api/v1/event-names").body["data"]
    shown = [name for name in names if archived or not name["archived"]]
    width = max((len(name["name"]) for name in shown), default=0)
    for name in shown:
        seen = name["last_received_at"] or "never"
        click.echo(f"{name['name']:<{width}}  {name['count']:>12,}  {seen[:19]:<19}  {'  '.join(said(name))}".rstrip())
    left_out = len(names) - len(shown)
    click.echo(
        f"{len(shown)} names" + (f", and {left_out} archived (--archived shows them)" if left_out else ""), err=True
    )


@event_names.command()
@click.argument("name")
@click.pass_obj
def show(environment: Mapping[str, str], name: str) -> None:
    """Show one name: what is set, how its events are, and which properties they have."""
    with reached(environment) as api:
        print_name(find(api, name))


@event_names.command(name="set")
@click.argument("name")
@click.option("--description", help="What the event means, for people.")
@click.option("--no-description", is_flag=True, help="Take the description away.")
@click.option("--alias", help="The name that it is shown and counted as. Its events keep their name.")
@click.option("--no-alias", is_flag=True, help="Take the alias away: all is as before it.")
@click.option("--archived/--not-archived", default=None, help="Fold it away in the catalogue, or not.")
@click.option("--hidden/--visible", default=None, help="Leave its events out of what agents see, or not.")
@click.option("--pinned/--unpinned", default=None, help="Put it first where there is room for few, or not.")
@click.option("--tone", type=click.Choice(["attention", "positive", "neutral", AUTO]), help="auto: as its words say.")
@click.option("--template", help="The line that agents read, such as '{from_plan} → {to_plan}'.")
@click.option("--no-template", is_flag=True, help="Take the template away.")
@click.option("--id", "id_", help="Your own id of this change, so that it may be sent again. Made if absent.")
@click.pass_obj
def set_(environment: Mapping[str, str], /, name: str, id_: str | None, **options: Any) -> None:  # noqa: ANN401 - options as click reads them
    """Change what is known about a name. What is not given stays as it is."""
    from schemas.ids import uuid7

    change = change_of(options)
    with reached(environment) as api:
        encoded = quote(name, safe="")
        if name in {".", ".."}:  # which HTTP clients take for a way through folders
            encoded = name.replace(".", "%2E")
        path = f"/api/v1/event-names/{encoded}"
        written = api.write("PATCH", path, change, id_ or str(uuid7())).body
        for warning in written["warnings"]:
            click.echo(f"note: {warning['message']}", err=True)
        print_name(find(api, name, position=written["position"]))


def change_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Make the API's change out of the command's options; raise UsageError for none, or for two that disagree."""
    change = {field: options[field] for field in ("archived", "hidden", "pinned") if options[field] is not None}
    for field in ("description", "alias", "template"):
        if options[field] is not None and options[f"no_{field}"]:
            raise click.UsageError(f"--{field} and --no-{field} cannot both be given.")
        if options[field] is not None or options[f"no_{field}"]:
            change[field] = options[field]
    if options["tone"] is not None:
        change["tone"] = None if options["tone"] == AUTO else options["tone"]
    if not change:
        raise click.UsageError("Nothing to change: give at least one option; --help lists them.")
    return change


@contextmanager
def reached(environment: Mapping[str, str]) -> Iterator[Api]:
    """Give the API; say what is wrong in a sentence."""
    from cli.demo.api import Api, ApiError

    missing = [name for name in ("BASE_URL", "API_KEY") if not environment.get(name)]
    if missing:
        raise click.ClickException(f"{' and '.join(missing)} must be set. `make up` leaves both in .run/stack.env.")
    try:
        yield Api(environment["BASE_URL"].rstrip("/"), environment["API_KEY"], patience=PATIENCE)
    except ApiError as error:
        raise click.ClickException(str(error)) from error


def find(api: Api, name: str, position: str | None = None) -> dict[str, Any]:
    """Read one name of the catalogue."""
    query = {"name": name} | ({"position": position} if position else {})
    found: list[dict[str, Any]] = api.get("/api/v1/event-names", **query).body["data"]
    for one in found:
        if one["name"] == name:
            return one
    also = f" {', '.join(one['name'] for one in found)} is shown as it." if found else ""
    raise click.ClickException(f"There is no event of the name {name}, and nothing is set for it.{also}")


def said(name: Mapping[str, Any]) -> list[str]:
    """Say what is set for a name, in a few words each."""
    words = [f"alias: {name['alias']}"] if name["alias"] else []
    words += [flag for flag in ("archived", "hidden", "pinned") if name[flag]]
    words += [f"tone: {name['tone']}"] if name["tone"] else []
    words += [f"template: {name['template']}"] if name["template"] else []
    return words + ([name["description"]] if name["description"] else [])


def print_name(name: Mapping[str, Any]) -> None:
    """Print all that is known about a name."""
    lines = {"name": name["name"], "shown as": name["shown_as"], "events": f"{name['count']:,}"}
    lines |= {"first seen": name["first_received_at"] or "never", "last seen": name["last_received_at"] or "never"}
    lines |= {field: name[field] or "-" for field in ("description", "alias", "tone", "template")}
    lines |= {flag: "yes" if name[flag] else "no" for flag in ("archived", "hidden", "pinned")}
    for label, value in lines.items():
        click.echo(f"{label:<12} {value}")
    for each in name["properties"]:
        types = ", ".join(f"{one['type']} {one['count']:,}" for one in each["types"])
        click.echo(f"{'property':<12} {each['name']}: {types}")
