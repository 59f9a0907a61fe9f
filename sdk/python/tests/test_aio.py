"""The client under asyncio: the same, and the loop never waits."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from contact_events import AsyncClient, ClientClosedError, QueueFullError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sdk.python.tests.fake_server import FakeServer

Result = TypeVar("Result")


def client_of(server: FakeServer, **settings: Any) -> AsyncClient:  # noqa: ANN401 - a test's own choice
    settings = {"linger": 0.01, "exit_timeout": 0.2, "transport": lambda: server} | settings
    return AsyncClient("https://events.example.com", "ce_key", **settings)


def in_a_loop(app: Coroutine[Any, Any, Result]) -> Result:
    """Run in a thread of its own: this one may have a loop already, which a browser's tests leave running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, app).result()


def test_what_is_tracked_arrives_once_when_the_block_ends(server: FakeServer) -> None:
    async def app() -> set[str]:
        async with client_of(server, exit_timeout=30.0) as client:
            return {client.track(17, "a") for _ in range(100)}

    ids = in_a_loop(app())
    assert server.ids == dict.fromkeys(ids, 1)


def test_the_loop_goes_on_while_flushing(server: FakeServer) -> None:
    async def app() -> bool:
        async with client_of(server) as client:
            server.gate.clear()
            client.track(17, "a")
            flushing = [asyncio.create_task(client.flush(30)) for _ in range(3)]
            for _ in range(100):
                await asyncio.sleep(0)  # the loop turns, though the server does not answer
            assert not any(each.done() for each in flushing)
            server.gate.set()  # only the loop can do this: were it waiting, nobody could
            return all([await each for each in flushing])

    timer = threading.Timer(25, server.gate.set)
    timer.start()
    assert in_a_loop(app())
    assert timer.is_alive(), "the loop waited"
    timer.cancel()


def test_a_full_queue_is_loud_and_flushing_makes_room(server: FakeServer) -> None:
    async def app() -> None:
        async with client_of(server, queue_events=10) as client:
            server.gate.clear()
            with pytest.raises(QueueFullError):
                [client.track(17, "a") for _ in range(1_000)]
            server.gate.set()
            assert await client.flush(30)
            client.track(17, "a")

    in_a_loop(app())


def test_closing_twice_is_harmless_and_tracking_afterwards_is_not(server: FakeServer) -> None:
    async def app() -> None:
        client = client_of(server)
        await client.close()
        await client.close()
        with pytest.raises(ClientClosedError):
            client.track(17, "a")

    in_a_loop(app())


@pytest.mark.parametrize("setting", ["block_when_full", "spool_fsync"])
def test_what_would_stop_the_loop_is_refused(server: FakeServer, setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        client_of(server, **{setting: 1})


def test_contacts_are_written_without_waiting(server: FakeServer) -> None:
    async def app() -> list[dict[str, Any]]:
        async with client_of(server, test_mode=True) as client:
            assert await client.contact(external_id="shop-17", custom_data={"plan": "pro"}) > 0
            return client.client.recorded_contacts

    assert [each["external_id"] for each in in_a_loop(app())] == ["shop-17"]
