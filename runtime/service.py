"""A process's work as the server sees it: a WSGI application, what must hold for it to do its job, how to end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

DEFAULT_THREADS = 256
"""Of each worker. The server makes a thread when it needs one, so a high number costs nothing until then; each open
live stream holds one."""

Check: TypeAlias = Callable[[], str | None]
"""Returns None when all is well, else the reason in words. Must answer within two seconds."""


@dataclass(frozen=True, slots=True)
class Service:
    """`checks` are named after the part they look at; `close` lets go of clients and threads."""

    app: WSGIApplication
    checks: Mapping[str, Check] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
