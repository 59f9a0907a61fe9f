"""What a person reads about the stack: the summary of `up` and the table of `status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.stack.stack import Stack


@dataclass(frozen=True)
class Row:
    """One part in the table. `trouble` is why it cannot do its job; empty when it can."""

    part: str
    state: str
    pid: int | None
    address: str
    trouble: str


def without_password(url: str) -> str:
    """Return a database's address as it may be shown on a screen."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"


def rows(stack: Stack) -> list[Row]:
    """Look at every part."""
    variables = stack.variables()
    kafka, database = variables["KAFKA_BOOTSTRAP_SERVERS"], without_password(variables["DATABASE_URL"])
    return [
        external("kafka", kafka, stack.kafka_ready)
        if "KAFKA_BOOTSTRAP_SERVERS" in stack.external
        else own("kafka", kafka, stack.broker().pid, stack.kafka_ready),
        external("postgres", database, stack.database_ready)
        if "DATABASE_URL" in stack.external
        else own("postgres", database, stack.postgres().pid, stack.database_ready),
        *(own(each.service.name, each.address, each.process.pid, each.ready) for each in stack.services()),
    ]


def own(part: str, address: str, pid: int | None, probe: Callable[[], str]) -> Row:
    """Look at a part that the stack runs itself; one that does not run is not asked."""
    return Row(part, "running" if pid else "stopped", pid, address, probe() if pid else "not running")


def external(part: str, address: str, probe: Callable[[], str]) -> Row:
    """Look at a part that was given from outside."""
    return Row(part, "external", None, address, probe())


def table(found: Sequence[Row]) -> str:
    """Lay the rows out in columns."""
    cells = [("part", "state", "pid", "address", "ready")]
    for row in found:
        verdict = f"no: {row.trouble}" if row.trouble else "yes"
        cells.append((row.part, row.state, str(row.pid or "-"), row.address, verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(4)] + [0]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(lines)


def summary(stack: Stack) -> str:
    """Say where everything is and what to do next."""
    variables = stack.variables()
    added = [each for each in stack.services() if each.service.name in stack.state.services]
    lines = [
        ("Pages and API", variables["BASE_URL"]),
        *((each.service.name.capitalize(), each.address) for each in added),
        ("Kafka", f"{variables['KAFKA_BOOTSTRAP_SERVERS']}, topic {variables['TOPIC']}"),
        ("PostgreSQL", without_password(variables["DATABASE_URL"])),
        ("Settings", ".run/stack.env: these addresses, the database's password, an API key"),
        ("Logs", ".run/logs/, or `make logs`"),
        ("Next", "`make demo` fills it, `make status` looks at it, `make down` stops it"),
    ]
    return "\n".join(f"  {name:<14}{text}" for name, text in lines)
