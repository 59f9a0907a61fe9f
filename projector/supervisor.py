"""Keep a session going: whatever the world does to it, begin again from the positions, and give up after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
import structlog
from kafka.errors import KafkaError

from projector.errors import TIMED_OUT, FencedError, StopError, UnavailableError
from projector.topic import TopicMissingError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from projector.progress import Progress
    from projector.session import Session

log = structlog.get_logger()

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0

PASSING: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    *TIMED_OUT,
    KafkaError,
    FencedError,
    TopicMissingError,
    OSError,
)
"""Faults of the world. Anything else is a fault of ours and stops the process."""


class Supervisor:
    """Runs sessions until `stop` is set. `give_up_after` is in seconds without a turn that worked."""

    def __init__(
        self,
        new_session: Callable[[], Session],
        progress: Progress,
        stop: threading.Event,
        clock: Callable[[], float],
        give_up_after: float,
    ) -> None:
        self._new_session = new_session
        self._progress = progress
        self._stop = stop
        self._clock = clock
        self._give_up_after = give_up_after
        self._well_at = clock()
        self._pause = FIRST_PAUSE

    def run(self) -> None:
        """Work until stopped; the batch under way is finished. Raises StopError when going on would do harm."""
        while not self._stop.is_set():
            try:
                self._run_session()
            except StopError:
                raise
            except PASSING as error:
                self._wait(error)

    def _run_session(self) -> None:
        session = self._new_session()
        try:
            while not self._stop.is_set():
                counts = session.turn()
                self._well_at = self._clock()
                self._pause = FIRST_PAUSE
                self._progress.turned(counts, session.lag())
        finally:
            session.close()

    def _wait(self, error: Exception) -> None:
        trouble = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        away = self._clock() - self._well_at
        if away > self._give_up_after:
            raise UnavailableError(f"no batch went through for {away:.0f} s; the last reason was {trouble}") from error
        log.warning("session ended, will begin again", reason=trouble, pause=round(self._pause, 1))
        self._progress.waiting(trouble)
        self._stop.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
