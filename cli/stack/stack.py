"""The whole stack of one project folder: which parts it has, in which order they start and stop.

Kafka and PostgreSQL start side by side; then come the one-shot steps, then our own services. What runs already is left
as it is, so that `up` repairs whatever part is missing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cli.stack.broker import Broker
from cli.stack.jars import broker_jars, default_cache
from cli.stack.ports import HOST, choose_port
from cli.stack.postgres import Postgres
from cli.stack.probes import kafka_answers, postgres_answers, wait_until
from cli.stack.processes import Supervised
from cli.stack.services import PROJECTOR, SERVER, RunningService, Service, added
from cli.stack.state import Layout, State, load, save, write_env
from cli.stack.steps import first_key, is_known, run_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[[str], None]

DATABASE = "contact_events"
PREFERRED = {"kafka": 9092, "controller": 9093, "postgres": 5432}
EXTERNAL_SECONDS = 10.0
OURS = (
    "BASE_URL",
    "INGEST_URL",
    "QUERY_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "DATABASE_URL",
    "TOPIC",
    "API_KEY",
    "SECRET_KEY",
)


class Stack:
    """The parts of one project folder, as its state file and the process's environment describe them.

    `as_before` takes the addresses from outside as the last `up` had them, not from the environment.
    """

    def __init__(self, root: Path, environment: Mapping[str, str], say: Say, *, as_before: bool = False) -> None:
        self.layout = Layout(root.resolve())
        self.state: State = load(self.layout)
        self.say = say
        self._process_env = {name: value for name, value in environment.items() if name not in OURS}
        self._given = environment
        self.external = self.state.external if as_before else self._external(environment)

    def _external(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Find the addresses given from outside. Our own, read back from stack.env by a shell, are not from outside."""
        given = {
            name: environment[name] for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL") if environment.get(name)
        }
        if (
            "kafka" in self.state.ports
            and given.get("KAFKA_BOOTSTRAP_SERVERS") == f"{HOST}:{self.state.ports['kafka']}"
        ):
            del given["KAFKA_BOOTSTRAP_SERVERS"]
        if f":{self.state.postgres_password}@{HOST}:" in given.get("DATABASE_URL", ""):
            del given["DATABASE_URL"]
        return given

    # --- the parts -----------------------------------------------------------------------------------------------

    def broker(self) -> Broker:
        """Describe the embedded broker at its remembered ports."""
        process = Supervised("kafka", self.layout.pid("kafka"), self.layout.log("kafka"))
        ports = PREFERRED | self.state.ports
        return Broker(
            self.layout.run / "kafka",
            ports["kafka"],
            ports["controller"],
            process=process,
            environment=self._process_env,
        )

    def postgres(self) -> Postgres:
        """Describe the embedded database server at its remembered port."""
        return Postgres(
            self.layout.run / "postgres",
            (PREFERRED | self.state.ports)["postgres"],
            self.state.postgres_password,
            process=Supervised("postgres", self.layout.pid("postgres"), self.layout.log("postgres"), stop_seconds=60),
            name=self.state.instance,
            environment=self._process_env,
        )

    def services(self) -> list[RunningService]:
        """Describe our own services, in the order in which they start."""
        named = [added(name, arguments, 8090) for name, arguments in self.state.services.items()]
        return [self.service(each) for each in (SERVER, PROJECTOR, *named) if is_known(each.arguments[0])]

    def service(self, service: Service) -> RunningService:
        """Describe one service at its remembered port."""
        port = self.state.ports.get(service.name, service.preferred_port)
        return RunningService(service, port, self.layout, self._process_env, self.variables())

    def variables(self) -> dict[str, str]:
        """Return the addresses and secrets that our own processes, and other programs, get."""
        base = f"http://{HOST}:{self.state.ports.get(SERVER.name, SERVER.preferred_port)}"
        found = {
            "BASE_URL": base,
            "INGEST_URL": base,
            "QUERY_URL": base,
            "KAFKA_BOOTSTRAP_SERVERS": self.external.get("KAFKA_BOOTSTRAP_SERVERS", self.broker().bootstrap_servers),
            "DATABASE_URL": self.external.get("DATABASE_URL", self.postgres().url(DATABASE)),
            "TOPIC": self._given.get("TOPIC", "contact-events"),
            "SECRET_KEY": self._given.get("SECRET_KEY", self.state.secret_key),
        }
        key = self.state.api_keys.get(self._database_name())
        return found | ({"API_KEY": key} if key else {})

    def _database_name(self) -> str:
        return self.external.get("DATABASE_URL", "embedded")

    # --- up ------------------------------------------------------------------------------------------------------

    def is_complete(self) -> bool:
        """Say whether everything runs as it should, so that there is nothing to do."""
        variables = self.variables()
        if self.state.external != self.external or "API_KEY" not in variables:
            return False
        if kafka_answers(variables["KAFKA_BOOTSTRAP_SERVERS"]) or postgres_answers(variables["DATABASE_URL"]):
            return False
        embedded = [] if "KAFKA_BOOTSTRAP_SERVERS" in self.external else [self.broker()]
        databases = [] if "DATABASE_URL" in self.external else [self.postgres()]
        alive = all(part.pid for part in embedded) and all(part.pid for part in databases)
        return alive and all(each.is_current() and not each.ready() for each in self.services())

    def up(self) -> None:
        """Start what is missing."""
        self._settle_ports()
        save(self.layout, self.state)
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(self._up_broker), pool.submit(self._up_postgres)]:
                future.result()
        variables = self.variables()
        self.state.external = self.external
        with ThreadPoolExecutor(2) as pool:
            steps = [
                pool.submit(run_step, step, self._process_env | variables, self.layout.root)
                for step in (["migrate"], ["topic", "create"])
            ]
            for step in steps:
                step.result()
        if "API_KEY" not in variables and (key := first_key(self._process_env | variables, self.layout.root)):
            self.state.api_keys[self._database_name()] = key
        save(self.layout, self.state)
        write_env(self.layout, {name: value for name, value in self.variables().items() if name in OURS})
        self._up_services()

    def _settle_ports(self) -> None:
        """Keep the port of whatever runs or may have its old one again; choose another where a stranger took it."""
        kafka, postgres = self.broker(), self.postgres()
        parts = [(each.service.name, each.service.preferred_port, each.process) for each in self.services()]
        if "KAFKA_BOOTSTRAP_SERVERS" not in self.external:
            parts += [(name, PREFERRED[name], kafka.process) for name in ("kafka", "controller")]
        if "DATABASE_URL" not in self.external:
            parts.append(("postgres", PREFERRED["postgres"], postgres.process))
        for name, preferred, process in parts:
            before = self.state.ports.setdefault(name, preferred)
            if process.pid is None:
                process.end_kin()  # or a killed server's workers would count as the stranger
                others = {port for other, port in self.state.ports.items() if other != name}
                self.state.ports[name] = choose_port(before, others)
                if self.state.ports[name] != before:
                    self.say(f"Port {before} is taken; {name} gets {self.state.ports[name]}")

    def _up_broker(self) -> None:
        broker = self.broker()
        if address := self.external.get("KAFKA_BOOTSTRAP_SERVERS"):
            if broker.process.stop():
                self.say("Stopped the embedded Kafka: KAFKA_BOOTSTRAP_SERVERS replaces it")
            wait_until(lambda: kafka_answers(address), None, f"Kafka at {address}", EXTERNAL_SECONDS, self.say)
            return
        if broker.pid is None:
            jars = broker_jars(default_cache(), self.say, self._given.get("MAVEN_REPOSITORY_URL"))
            self.say("Starting Kafka")
            broker.begin(jars)
        broker.wait(self.say)

    def _up_postgres(self) -> None:
        postgres = self.postgres()
        if address := self.external.get("DATABASE_URL"):
            if postgres.process.stop():
                self.say("Stopped the embedded PostgreSQL: DATABASE_URL replaces it")
            what = f"PostgreSQL at {address.rpartition('@')[2]}"
            wait_until(lambda: postgres_answers(address), None, what, EXTERNAL_SECONDS, self.say)
            return
        if postgres.pid is None:
            self.say("Starting PostgreSQL")
            postgres.begin(self.say)
        postgres.wait(self.say)
        postgres.ensure_database(DATABASE)

    def _up_services(self) -> None:
        services = self.services()
        for each in services:
            if not each.is_current():
                again = " anew: its settings or its code changed" if each.process.pid else ""
                self.say(f"Starting the {each.service.name}{again}")
                each.begin()
        for each in services:
            each.wait(self.say)

    def add(self, name: str, arguments: list[str], port: int) -> str:
        """Start a service of somebody else's and remember it; return its address."""
        self.state.services[name] = arguments
        running = self.service(added(name, arguments, port))
        if not (running.is_current() and not running.ready()):
            if running.process.pid is None:
                others = {taken for other, taken in self.state.ports.items() if other != name}
                self.state.ports[name] = choose_port(running.port, others)
                running = self.service(added(name, arguments, port))
            save(self.layout, self.state)
            running.begin()
            running.wait(self.say)
        return running.address

    # --- down ----------------------------------------------------------------------------------------------------

    def down(self) -> int:
        """Stop everything, clients before servers; return how many parts ran. The data stays."""
        stopped = 0
        for each in reversed(self.services()):
            stopped += each.process.stop()
        with ThreadPoolExecutor(2) as pool:
            servers = [pool.submit(part.process.stop) for part in (self.broker(), self.postgres())]
            return stopped + sum(server.result() for server in servers)
