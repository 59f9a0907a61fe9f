"""`contact-events demo run | helpdesk`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.demo.settings import HELPDESK_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.demo.settings import DemoSettings

MEMORY = Path(".run") / "demo.json"


@click.group()
def demo() -> None:
    """Fill the running system with a quarter of a Shopify app's life, and look at it."""


def read_settings(environment: Mapping[str, str]) -> DemoSettings:
    """Read the settings, or say how to get them."""
    from cli.demo.settings import DemoSettings
    from runtime.settings import SettingsError

    try:
        return DemoSettings.read(environment)
    except SettingsError as error:
        raise click.ClickException(f"{error}\nIs the stack running? `make up` starts it.") from error


@demo.command()
@click.pass_obj
def run(environment: Mapping[str, str]) -> None:
    """Send the quarter through the API, and print the pages to open. Run again, it reports only duplicates."""
    from cli.demo.api import Api, ApiError
    from cli.demo.show import Show
    from cli.demo.workspace import WorkspaceError

    settings = read_settings(environment)
    api = Api(settings.base_url, settings.api_key)
    show = Show(settings, api, MEMORY, environment, say=click.echo, now=lambda: datetime.now(UTC))
    try:
        show.run()
    except WorkspaceError as error:
        raise click.ClickException(str(error)) from error
    except ApiError as error:
        raise click.ClickException(f"{error}\nRun it again: it goes on with the same ids.") from error


@demo.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=HELPDESK_PORT, show_default=True, help="Port to listen on.")
@click.pass_obj
def helpdesk(environment: Mapping[str, str], host: str, port: int) -> None:
    """Serve the demo's helpdesk, a stand-in for your own, with the sidebar beside each conversation."""
    import signal
    import sys

    from werkzeug.serving import make_server

    from cli.demo.api import Api
    from cli.demo.helpdesk import Helpdesk, build_helpdesk
    from cli.demo.memory import recall

    settings = read_settings(environment)
    api = Api(settings.base_url, settings.api_key, patience=5)
    app = build_helpdesk(Helpdesk(api, settings.base_url, recall=lambda: recall(MEMORY)))
    server = make_server(host, port, app, threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    click.echo(f"The helpdesk is at http://{host}:{server.server_port}")
    server.serve_forever()
