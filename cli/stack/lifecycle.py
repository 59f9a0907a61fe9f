"""Starting and stopping the stack.

Kafka and PostgreSQL start side by side; then come the one-shot steps, then our own services. What runs already is left
as it is, so that `up` repairs whatever part is missing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cli.stack.errors import StackError
from cli.stack.jars import broker_jars, default_cache
from cli.stack.ports import choose_port, is_free
from cli.stack.probes import kafka_answers, postgres_answers, wait_until
from cli.stack.services import added
from cli.stack.stack import DATABASE, OURS, PREFERRED
from cli.stack.state import save, write_env
from cli.stack.steps import first_key, run_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.stack.processes import Supervised
    from cli.stack.stack import Stack

TRIES = 3
EXTERNAL_SECONDS = 5.0
"""How long a part given from outside may take to answer: it should run already."""


def is_complete(stack: Stack) -> bool:
    """Say whether everything runs as it should, so that there is nothing to do."""
    if stack.state.external != stack.external or "API_KEY" not in stack.variables():
        return False
    if any(process.pid is None for _, _, process in parts(stack)):
        return False
    if stack.kafka_ready() or stack.database_ready():
        return False
    return all(each.is_current() and not each.ready() for each in stack.services())


def parts(stack: Stack) -> list[tuple[str, int, Supervised]]:
    """List what listens on a port of this machine: name, preferred port, process."""
    found = [(each.service.name, each.service.preferred_port, each.process) for each in stack.services()]
    if "KAFKA_BOOTSTRAP_SERVERS" not in stack.external:
        found += [(name, PREFERRED[name], stack.broker().process) for name in ("kafka", "controller")]
    if "DATABASE_URL" not in stack.external:
        found.append(("postgres", PREFERRED["postgres"], stack.postgres().process))
    return found


def up(stack: Stack) -> None:
    """Start what is missing, and return when everything can do its job."""
    for _ in range(TRIES):
        try:
            return attempt(stack)
        except StackError:
            if not lost_a_port(stack):
                raise
            stack.say("Another program took a port meanwhile; trying again")
    return attempt(stack)


def lost_a_port(stack: Stack) -> bool:
    """Say whether a part that does not run finds its port in use: it was free when it was chosen."""
    return any(process.pid is None and not is_free(stack.state.ports[name]) for name, _, process in parts(stack))


def attempt(stack: Stack) -> None:
    """Go once through all the steps."""
    for name, preferred, process in parts(stack):
        settle_port(stack, name, preferred, process)
    save(stack.layout, stack.state)
    side_by_side(lambda: up_broker(stack), lambda: up_postgres(stack))
    stack.state.external = stack.external
    variables = stack.process_env | stack.variables()
    layout = stack.layout
    side_by_side(
        lambda: run_step(["migrate"], variables, layout), lambda: run_step(["topic", "create"], variables, layout)
    )
    if "API_KEY" not in variables and (key := first_key(variables, layout)):
        stack.state.api_keys[stack.database_name()] = key
    save(stack.layout, stack.state)
    write_env(stack.layout, {name: value for name, value in stack.variables().items() if name in OURS})
    up_services(stack)


def side_by_side(*actions: Callable[[], object]) -> None:
    """Do two things at once; raise the first failure when both have ended."""
    with ThreadPoolExecutor(len(actions)) as pool:
        for future in [pool.submit(action) for action in actions]:
            future.result()


def settle_port(stack: Stack, name: str, preferred: int, process: Supervised) -> None:
    """Keep the port of what runs, and of what may have its old one again; choose another where a stranger took it."""
    before = stack.state.ports.setdefault(name, preferred)
    if process.pid is not None:
        return
    process.end_kin()  # or a killed server's workers would count as the stranger
    others = {port for other, port in stack.state.ports.items() if other != name}
    chosen = choose_port(before, others)
    if chosen != before:
        stack.say(f"Port {before} is taken; {name} gets {chosen}")
    stack.state.ports[name] = chosen


def up_broker(stack: Stack) -> None:
    """Bring Kafka up, or see that the one from outside answers."""
    broker = stack.broker()
    if address := stack.external.get("KAFKA_BOOTSTRAP_SERVERS"):
        if broker.process.stop():
            stack.say("Stopped the embedded Kafka: KAFKA_BOOTSTRAP_SERVERS replaces it")
        wait_until(lambda: kafka_answers(address), None, f"Kafka at {address}", EXTERNAL_SECONDS, stack.say)
        return
    if broker.pid is None:
        jars = broker_jars(default_cache(), stack.say, stack.given.get("MAVEN_REPOSITORY_URL"))
        stack.say("Starting Kafka")
        broker.begin(jars)
    broker.wait(stack.say)


def up_postgres(stack: Stack) -> None:
    """Bring PostgreSQL up, or see that the one from outside answers."""
    postgres = stack.postgres()
    if address := stack.external.get("DATABASE_URL"):
        if postgres.process.stop():
            stack.say("Stopped the embedded PostgreSQL: DATABASE_URL replaces it")
        what = f"PostgreSQL at {address.rpartition('@')[2]}"
        wait_until(lambda: postgres_answers(address), None, what, EXTERNAL_SECONDS, stack.say)
        return
    if postgres.pid is None:
        if postgres.is_new:
            stack.state.api_keys.pop(stack.database_name(), None)  # it went with the data it was in
        stack.say("Starting PostgreSQL")
        postgres.begin(stack.say)
    postgres.wait(stack.say)
    postgres.ensure_database(DATABASE)


def up_services(stack: Stack) -> None:
    """Start our own services, and again those that run with other settings or older code."""
    services = stack.services()
    for each in services:
        if not each.is_current():
            again = " anew: its settings or its code changed" if each.process.pid else ""
            stack.say(f"Starting the {each.service.name}{again}")
            each.begin()
    for each in services:
        each.wait(stack.say)


def add(stack: Stack, name: str, arguments: list[str], port: int) -> str:
    """Start a service of somebody else's and remember it; return its address."""
    service = added(name, arguments, port)
    stack.state.services[name] = arguments
    settle_port(stack, name, port, stack.service(service).process)
    save(stack.layout, stack.state)
    running = stack.service(service)
    if not running.is_current():
        running.begin()
    running.wait(stack.say)
    return running.address


def down(stack: Stack) -> int:
    """Stop everything, clients before servers; return how many parts ran. The data stays."""
    stopped = [each.process.stop() for each in reversed(stack.services())]
    servers = (stack.broker().process, stack.postgres().process)
    side_by_side(*(lambda process=process: stopped.append(process.stop()) for process in servers))
    return sum(stopped)
