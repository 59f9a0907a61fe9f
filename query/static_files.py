"""Style sheet, scripts and icon: read once, named by their content, compressed once."""

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
    version: str
    content_type: str


class StaticFiles:
    """The files of one folder. An address with the content's version may be kept for ever."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES}

    def address(self, name: str) -> str:
        """Give a file's address for a page."""
        return f"/static/{name}?v={self._files[name].version}"

    def response(self, name: str, request: Request) -> Response | None:
        """Answer a request for a file; None when there is none of that name."""
        file = self._files.get(name)
        if file is None:
            return None
        compress = bool(request.accept_encodings["gzip"])
        response = Response(file.compressed if compress else file.body, content_type=file.content_type)
        if compress:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _FOR_EVER if request.args.get("v") == file.version else _ASK_AGAIN
        response.set_etag(f"{file.version}{'-gzip' if compress else ''}")
        response.make_conditional(request.environ)
        return response


def _read(path: Path) -> _File:
    body = path.read_bytes()
    version = hashlib.sha256(body).hexdigest()[:12]
    content_type = _TYPES[path.suffix]
    return _File(body, gzip.compress(body, mtime=0), version, f"{content_type}; charset=utf-8")
