"""Write one batch while the next is polled and decoded: PostgreSQL and Python work at the same time.

One batch is under way at most, so order and the chain of positions stay what they are without it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from projector.batch import Batch, Counts
    from projector.position_table import Stored
    from projector.writer import Writer


class Pipeline:
    """Not for use from several threads, but for `wait`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._under_way: Future[dict[int, Stored]] | None = None

    def submit(self, batch: Batch, expected: Mapping[int, Stored], before_commit: Callable[[Counts], None]) -> None:
        """Begin to write a batch; the one before must be settled."""
        assert self._under_way is None
        self._under_way = self._pool.submit(self._writer.write, batch, expected, before_commit)

    def settle(self) -> dict[int, Stored] | None:
        """Wait for the batch under way and return where its partitions stand now; None when there is none.

        Raises what writing it raised.
        """
        if self._under_way is None:
            return None
        under_way, self._under_way = self._under_way, None
        return under_way.result()

    def wait(self) -> None:
        """Wait until nothing is being written, however that ended."""
        if (under_way := self._under_way) is not None:
            under_way.exception()

    def close(self) -> None:
        """Finish the batch under way and end the thread."""
        self._pool.shutdown(wait=True)
