"""granian, made to stay: a worker that dies is replaced, however soon it dies again."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from granian.server.mp import MPServer

from cli.processors import stay_and

if TYPE_CHECKING:
    from collections.abc import Callable

    from granian.server.mp import WorkerProcess

WITHIN: Final = 30.0
MOST_DEATHS: Final = 5
"""Of a worker, on average, within so many seconds: more, and the server ends. It cannot even start, and whoever started
it has to see that."""


class Server(MPServer):
    """The server. granian itself takes two deaths of one worker within 5.5 seconds for a crash loop, and ends."""

    def __init__(self, *arguments: Any, pin_workers: bool, **options: Any) -> None:  # noqa: ANN401 - granian's own
        super().__init__(*arguments, **options)
        self._pin_workers = pin_workers
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS * self.workers)

    def _spawn_worker(  # type: ignore[override] # as granian's own differs from what its base declares
        self,
        idx: int,
        target: Any,  # noqa: ANN401 - granian's own
        callback_loader: Callable[[], Any],
    ) -> WorkerProcess:
        # A worker that replaces another gets its processors, since it gets its number.
        load = partial(stay_and, callback_loader, idx, self.workers) if self._pin_workers else callback_loader
        return super()._spawn_worker(idx, target, load)

    def _respawn_workers(self, workers: list[int], *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - granian's own
        now = time.monotonic()
        died = [index for index in workers if not self.wrks[index].inner.is_alive()]
        is_loop = len(self._deaths) == self._deaths.maxlen and now - self._deaths[0] < WITHIN
        self._deaths.extend(now for _ in died)
        super()._respawn_workers(workers, *arguments, **options)
        if not is_loop:
            self.respawned_wrks.clear()  # what granian goes by


def allow_open_files(number: int) -> None:
    """Raise this process's limit on open files, as far as it may: each connection is one."""
    try:
        import resource  # not everywhere
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + 256 if hard == resource.RLIM_INFINITY else min(number + 256, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
