"""Style sheet, scripts and icon: read once, compressed once, under an address that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import Response

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Request

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    compressed: bytes
    etag: str
    content_type: str


class StaticFiles:
    """The files of one folder, at `/static/<version>/<name>`.

    The version is that of all files together, so that the modules that import each other by relative names stay
    together and a browser may keep them for ever.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES}
        self._version = hashlib.sha256("".join(file.etag for file in self._files.values()).encode()).hexdigest()[:12]

    def address(self, name: str) -> str:
        """Give a file's address for a page."""
        assert name in self._files, f"there is no static file {name}"
        return f"/static/{self._version}/{name}"

    def response(self, version: str, name: str, request: Request) -> Response | None:
        """Answer a request for a file; None when there is none of that name.

        A page rendered before an update asks for an old version: it gets the new file, but not for keeping.
        """
        file = self._files.get(name)
        if file is None:
            return None
        compress = bool(request.accept_encodings["gzip"])
        response = Response(file.compressed if compress else file.body, content_type=file.content_type)
        if compress:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _FOR_EVER if version == self._version else _ASK_AGAIN
        response.set_etag(f"{file.etag}{'-gzip' if compress else ''}")
        response.make_conditional(request.environ)
        return response


def _read(path: Path) -> _File:
    body = path.read_bytes()
    etag = hashlib.sha256(body).hexdigest()[:12]
    return _File(body, gzip.compress(body, mtime=0), etag, f"{_TYPES[path.suffix]}; charset=utf-8")
