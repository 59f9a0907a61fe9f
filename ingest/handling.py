"""Runs the handler of a request, however that came in, and sees to it that what it refuses is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from werkzeug.exceptions import HTTPException

from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.calls import Answer, Call
    from ingest.parts import Parts

Handler: TypeAlias = "Callable[..., Answer]"
"""Takes the parts, the call, and the parameters in the path."""


def handle(parts: Parts, call: Call, handler: Handler, arguments: Mapping[str, str]) -> Answer:
    """Let a handler answer; raise what it raises."""
    try:
        return handler(parts, call, **arguments)
    except (Problem, HTTPException) as refusal:
        parts.refusals.whole(call, refusal)
        raise
