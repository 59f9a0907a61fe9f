"""A TCP proxy in front of a real server, to take it away without stopping it: by refusing, or by falling silent."""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from cli.stack.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

_OBEYED_WITHIN_SECONDS = 60.0


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on, until told otherwise.

    One thread owns all sockets. What a test asks for is done on that thread, between two rounds, so that no socket
    is closed while another thread waits for it; the call returns when it is done.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._selector = selectors.DefaultSelector()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._frozen = False
        self._running = True
        self._asked: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = queue.SimpleQueue()
        self._bell, self._ear = socket.socketpair()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._listener: socket.socket | None = None
        self.port = free_port()  # one that no outgoing connection gets while nobody listens there
        self._listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Take connections and bytes, and pass nothing on: what a paused machine looks like."""
        self._ask(self._freeze)

    def refuse(self) -> None:
        """Drop all connections and take no more: what a stopped server looks like."""
        self._ask(self._refuse)

    def restore(self) -> None:
        """Be there again, on the same port."""
        self._ask(self._restore)

    def stop(self) -> None:
        """End."""
        self._ask(self._end)
        self._thread.join()
        for each in (self._bell, self._ear):
            each.close()
        self._selector.close()

    def _ask(self, action: Callable[[], None]) -> None:
        done: Future[None] = Future()
        self._asked.put((action, done))
        self._bell.send(b"!")
        done.result(_OBEYED_WITHIN_SECONDS)

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select():
                source = key.fileobj
                if source is self._ear:
                    self._obey()
                elif source is self._listener:
                    self._accept(self._listener)
                elif source in self._pairs:  # an earlier socket of the same round may have taken it along
                    self._pass_on(source)

    def _obey(self) -> None:
        self._ear.recv(1)
        action, done = self._asked.get()
        try:
            action()
        except Exception as error:  # noqa: BLE001 - it is the asking test's
            done.set_exception(error)
        else:
            done.set_result(None)

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _freeze(self) -> None:
        if not self._frozen:
            self._frozen = True
            for each in self._pairs:
                self._selector.unregister(each)

    def _restore(self) -> None:
        if self._frozen:
            self._frozen = False
            for each in self._pairs:
                self._selector.register(each, selectors.EVENT_READ)
        if self._listener is None:
            self._listen()

    def _refuse(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        for each in list(self._pairs):
            self._drop(each)

    def _end(self) -> None:
        self._refuse()
        self._running = False

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            client, _ = listener.accept()
            client.setblocking(True)
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                return
            self._pairs |= {client: server, server: client}
            if not self._frozen:
                for each in (client, server):
                    self._selector.register(each, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = source.recv(65_536)
            if data:
                self._pairs[source].sendall(data)
                return
        self._drop(source)

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        if other is None:
            return
        del self._pairs[other]
        for each in (one, other):
            if not self._frozen:
                self._selector.unregister(each)
            each.close()
