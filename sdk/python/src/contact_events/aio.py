"""The client for asyncio. See `AsyncClient`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from contact_events.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from contact_events.client import Status

Result = TypeVar("Result")


class AsyncClient:
    """The client with nothing that waits on the event loop.

    Takes what `Client` takes, and is the same underneath: one thread sends in the background, so `track` only puts the
    event into the queue (with a spool: writes it to a file, which takes microseconds) and is no coroutine. What waits
    for the server is awaited: `flush`, `contact`, `close`. Delivery callbacks run in the sending thread, as with
    `Client`; hand over to the loop with `loop.call_soon_threadsafe`.

    `block_when_full` and `spool_fsync` are not taken: waiting for room, or for the disk, would stop the loop. When the
    queue is full `track` raises QueueFullError; `await client.flush()` and try again.
    """

    def __init__(self, base_url: str, api_key: str, **settings: Any) -> None:  # noqa: ANN401 - those of Client
        for setting in ("block_when_full", "spool_fsync"):
            if settings.get(setting):
                raise ValueError(f"{setting} would stop the event loop in track()")
        self._client = Client(base_url, api_key, **settings)
        self.track = self._client.track
        self._closed = False
        # Threads of its own: those of the loop may all be taken by something that waits for us.
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="contact-events-asyncio")

    async def contact(self, **fields: Any) -> int:  # noqa: ANN401 - those of Client.contact
        """Create or change a contact, as `Client.contact` does; return its id."""
        return await self._await(partial(self._client.contact, **fields))

    async def flush(self, timeout: float = 30.0) -> bool:  # noqa: ASYNC109 - as with Client
        """Send everything now; tell whether the fate of all events became known within so many seconds."""
        return await self._await(partial(self._client.flush, timeout))

    async def close(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        """Send what is left, for `timeout` (else `exit_timeout`) seconds at most, and stop. Twice is harmless."""
        if not self._closed:
            self._closed = True
            await self._await(partial(self._client.close, timeout))
            self._threads.shutdown(wait=False)

    def status(self) -> Status:
        """Tell how sending goes."""
        return self._client.status()

    @property
    def client(self) -> Client:
        """The client underneath; in test mode it has what was recorded."""
        return self._client

    async def _await(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
