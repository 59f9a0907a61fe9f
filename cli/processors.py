"""Which processors a worker runs on.

Threads of one Python process take turns, so together they use one processor. Left alone they wander over all of them,
and each turn begins with finding that what the turn before had at hand is at hand elsewhere (docs/decisions/0009, with
figures).
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def share_out(processors: Collection[int], worker: int, workers: int) -> set[int]:
    """Give the processors of one worker (0-based) of so many: each processor to one of them, as evenly as it goes.

    Where there are more workers than processors, each worker has one.
    """
    ordered = sorted(processors)
    return set(ordered[worker::workers] or [ordered[worker % len(ordered)]])


def stay_and(load: Callable[[], Any], worker: int, workers: int) -> Any:  # noqa: ANN401 - whatever is loaded
    """Keep this thread, and those that it starts, on the worker's share of the processors it may use; then load."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        with suppress(OSError):  # a sandbox may forbid it: slower, not wrong
            os.sched_setaffinity(0, share_out(os.sched_getaffinity(0), worker, workers))
    return load()
