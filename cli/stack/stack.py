"""The parts of the stack of one project folder: where each is, and what it is told about the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.stack.broker import Broker
from cli.stack.ports import HOST
from cli.stack.postgres import Postgres
from cli.stack.probes import kafka_answers, postgres_answers
from cli.stack.processes import Supervised
from cli.stack.services import PROJECTOR, SERVER, RunningService, Service, added
from cli.stack.state import Layout, State, load
from cli.stack.steps import is_known
from schemas.topic import DEFAULT_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[[str], None]

DATABASE = "contact_events"
PREFERRED = {"kafka": 9092, "controller": 9093, "postgres": 5432}
REPLACEABLE = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
"""Addresses that, set in the environment, replace the embedded part."""

OURS = (*REPLACEABLE, "BASE_URL", "INGEST_URL", "QUERY_URL", "TOPIC", "API_KEY", "SECRET_KEY")
"""What `.run/stack.env` holds, and what each of our own processes is given."""


class Stack:
    """The parts of one project folder, as its state file and the process's environment describe them.

    `as_before` takes the addresses from outside as the last `up` had them, not from the environment.
    """

    def __init__(self, root: Path, environment: Mapping[str, str], say: Say, *, as_before: bool = False) -> None:
        self.layout = Layout(root.resolve())
        self.state: State = load(self.layout)
        self.say = say
        self.process_env = {name: value for name, value in environment.items() if name not in OURS}
        self.given = environment
        self.external = self.state.external if as_before else self._external(environment)

    def _external(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Find the addresses given from outside. Our own, read back from stack.env by a shell, are not from outside."""
        given = {name: environment[name] for name in REPLACEABLE if environment.get(name)}
        if given.get("KAFKA_BOOTSTRAP_SERVERS") == f"{HOST}:{self.state.ports.get('kafka')}":
            del given["KAFKA_BOOTSTRAP_SERVERS"]
        if f":{self.state.postgres_password}@{HOST}:" in given.get("DATABASE_URL", ""):
            del given["DATABASE_URL"]
        return given

    def broker(self) -> Broker:
        """Describe the embedded broker at its remembered ports."""
        process = Supervised("kafka", self.layout.pid("kafka"), self.layout.log("kafka"))
        ports = PREFERRED | self.state.ports
        return Broker(
            self.layout.run / "kafka",
            ports["kafka"],
            ports["controller"],
            process=process,
            environment=self.process_env,
        )

    def postgres(self) -> Postgres:
        """Describe the embedded database server at its remembered port."""
        return Postgres(
            self.layout.run / "postgres",
            (PREFERRED | self.state.ports)["postgres"],
            self.state.postgres_password,
            process=Supervised("postgres", self.layout.pid("postgres"), self.layout.log("postgres"), stop_seconds=60),
            name=self.state.instance,
            environment=self.process_env,
        )

    def kafka_ready(self) -> str:
        """Return "" when Kafka, ours or the one from outside, serves; else the reason."""
        address = self.external.get("KAFKA_BOOTSTRAP_SERVERS")
        return kafka_answers(address) if address else self.broker().ready()

    def database_ready(self) -> str:
        """Return "" when PostgreSQL, ours or the one from outside, serves; else the reason."""
        address = self.external.get("DATABASE_URL")
        return postgres_answers(address) if address else self.postgres().ready()

    def services(self) -> list[RunningService]:
        """Describe our own services, in the order in which they start."""
        named = [added(name, arguments) for name, arguments in self.state.services.items()]
        return [self.service(each) for each in (SERVER, PROJECTOR, *named) if is_known(each.arguments[0])]

    def service(self, service: Service) -> RunningService:
        """Describe one service at its remembered port."""
        port = self.state.ports.get(service.name, service.preferred_port)
        return RunningService(service, port, self.layout, self.process_env, self.variables())

    def variables(self) -> dict[str, str]:
        """Return the addresses and secrets that our own processes, and other programs, get."""
        base = f"http://{HOST}:{self.state.ports.get(SERVER.name, SERVER.preferred_port)}"
        found = {
            "BASE_URL": base,
            "INGEST_URL": base,
            "QUERY_URL": base,
            "KAFKA_BOOTSTRAP_SERVERS": self.external.get("KAFKA_BOOTSTRAP_SERVERS", self.broker().bootstrap_servers),
            "DATABASE_URL": self.external.get("DATABASE_URL", self.postgres().url(DATABASE)),
            "TOPIC": self.given.get("TOPIC", DEFAULT_TOPIC),
            "SECRET_KEY": self.given.get("SECRET_KEY", self.state.secret_key),
        }
        key = self.state.api_keys.get(self.database_name())
        return found | ({"API_KEY": key} if key else {})

    def database_name(self) -> str:
        """Name the database that an API key belongs to."""
        return self.external.get("DATABASE_URL", "embedded")
