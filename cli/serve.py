"""`contact-events serve`: run the ingest service, the query service, or both behind one address, under granian.

granian starts worker processes that import one of the factories below; each worker builds clients of its own there,
since a Kafka producer made before a fork is dead without saying so.
"""

from __future__ import annotations

import atexit
import gc
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from runtime.service import Service

LARGEST_HEAD = 131_072
"""Bytes of a request's line and headers; beyond it the answer is 431. The number of headers is bounded at 100."""

GRACEFUL_STOP_SECONDS = 15
"""How long a worker may finish what it has begun; above the producer's delivery timeout, so that no ack is lost."""


@click.command()
@click.argument("service", type=click.Choice(["ingest", "query", "all"]))
@click.option("--host", help="Address to listen on; HOST, else 127.0.0.1.")
@click.option("--port", type=int, help="Port to listen on; PORT, else 8080.")
@click.pass_obj
def serve(environment: Mapping[str, str], service: str, host: str | None, port: int | None) -> None:
    """Serve the write API (ingest), the read API and pages (query), or both under one address (all)."""
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings

    from cli.server import Server, allow_open_files
    from cli.settings import ServeSettings
    from runtime.settings import SettingsError

    given = {"HOST": host, "PORT": None if port is None else str(port)}
    try:
        settings = ServeSettings.read(dict(environment) | {name: value for name, value in given.items() if value})
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    allow_open_files(settings.connections + settings.threads)
    Server(
        f"cli.serve:{service}_application",
        pin_workers=settings.pin_workers,
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        http=HTTPModes.http1,  # while it is still to be found out which, a silent connection is never ended
        backpressure=settings.connections,
        http1_settings=HTTP1Settings(header_read_timeout=settings.head_seconds * 1_000, max_buffer_size=LARGEST_HEAD),
        respawn_failed_workers=True,
        workers_kill_timeout=GRACEFUL_STOP_SECONDS,
        log_enabled=False,
    ).serve()


def ingest_application() -> WSGIApplication:
    """Build the ingest service in a worker."""
    return _application("ingest")


def query_application() -> WSGIApplication:
    """Build the query service in a worker."""
    return _application("query")


def all_application() -> WSGIApplication:
    """Build both in a worker, chosen between by the route table: no proxying, one address."""
    return _application("ingest", "query")


def _application(*names: str) -> WSGIApplication:
    from cli.main import process_environment
    from cli.settings import ServeSettings
    from runtime.logs import configure_logs
    from runtime.slow_clients import SlowClients

    environment = process_environment()
    settings = ServeSettings.read(environment)
    configure_logs(settings.log_level, settings.log_format, process="+".join(names))
    services = {name: _build(name, environment) for name in names}
    for service in services.values():
        atexit.register(service.close)
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again: full collections stay short
    gc.set_threshold(5_000)  # a request makes some hundred objects, and hardly any in cycles
    return SlowClients(settings.threads, seconds=settings.body_seconds).guard(combine(services))


def _build(name: str, environment: Mapping[str, str]) -> Service:
    if name == "ingest":
        from ingest.main import build as build_ingest

        return build_ingest(environment)
    from query.main import build as build_query

    return build_query(environment)


def combine(services: Mapping[str, Service]) -> WSGIApplication:
    """Put health, metrics and both contracts before the services, and choose among those by `schemas.routes`."""
    from cli.openapi import FILE
    from cli.topic_schemas import PREFIX, schemas_app
    from runtime.api_docs import PATHS, docs_app
    from runtime.web import HEALTH_PATHS, health_app
    from schemas.routes import service_for

    health = health_app({name: check for service in services.values() for name, check in service.checks.items()})
    docs = docs_app(FILE.read_text(encoding="utf-8"))
    contract = schemas_app()
    only: Callable[..., Any] | None = next(iter(services.values())).app if len(services) == 1 else None

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path in HEALTH_PATHS:
            return health(environ, start_response)
        if path in PATHS:
            return docs(environ, start_response)
        if path.startswith(PREFIX):
            return contract(environ, start_response)
        app = only or services[service_for(environ["REQUEST_METHOD"], path)].app
        return app(environ, start_response)

    return application
