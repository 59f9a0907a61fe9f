"""Which service answers a request: one table for `serve all`, nginx and the tests.

The first rule whose methods and path pattern fit decides. `None` stands for every method.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Service = Literal["ingest", "query"]
READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is a regular expression for the start of the path; with `reads` False the rule is for writes alone."""

    service: Service
    path: str
    writes_only: bool = False


ROUTES = (
    Route("query", r"/api/v1/sidebar-tokens(?=/|$)"),  # reads nothing, but who may look at what is query's business
    Route("ingest", r"/api/v1(?=/|$)", writes_only=True),
    Route("ingest", r"/v1(?=/|$)"),  # what Segment's libraries send; there is nothing to read
    Route("query", r"/"),
)


def service_for(method: str, path: str) -> Service:
    """Name the service for a request; every request has one."""
    for route in ROUTES:
        if re.match(route.path, path) and not (route.writes_only and method in READS):
            return route.service
    return "query"
