"""A TCP proxy in front of a real server, to take it away without stopping it: by refusing, or by falling silent."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on, until told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._frozen = False
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Take connections and bytes, and pass nothing on: what a paused machine looks like."""
        self._frozen = True

    def refuse(self) -> None:
        """Drop all connections and take no more: what a stopped server looks like."""
        self._listener.close()
        for each in list(self._pairs):
            self._drop(each)

    def restore(self) -> None:
        """Be there again, on the same port."""
        self._frozen = False
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))

    def stop(self) -> None:
        """End."""
        self._stopping = True
        self.refuse()
        self._thread.join(timeout=5)
        self._selector.close()

    def _run(self) -> None:
        while not self._stopping:
            self._accept()
            if self._frozen or not self._pairs:
                continue
            for key, _ in self._selector.select(timeout=0.002):
                self._pass_on(key.fileobj)  # type: ignore[arg-type] # only sockets are registered

    def _accept(self) -> None:
        listener = self._listener
        if listener.fileno() < 0:
            return
        listener.settimeout(0.02 if self._frozen or not self._pairs else 0.0)
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            server = socket.create_connection(self._target)
            with self._lock:
                self._pairs |= {client: server, server: client}
            for each in (client, server):
                self._selector.register(each, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(65_536)
            if data:
                self._pairs[source].sendall(data)
                return
        except (OSError, KeyError):
            pass
        self._drop(source)

    def _drop(self, one: socket.socket) -> None:
        with self._lock:
            other = self._pairs.pop(one, None)
            if other is not None:
                self._pairs.pop(other, None)
        for each in (one, other):
            if each is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(each)
                each.close()
