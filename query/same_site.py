"""Forms come from our own pages: a stranger's page must not sign an agent into a workspace of the stranger's own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import request

from runtime.problems import Problem

if TYPE_CHECKING:
    from flask import Flask


def install_same_site_check(app: Flask, base_url: str) -> None:
    """Refuse what another site's page posts to ours; the API takes no cookie for writes, so it needs no such check."""

    @app.before_request
    def check() -> None:
        if request.method == "POST" and not request.path.startswith("/api/") and not _own(base_url):
            raise Problem(403, "other_origin", "Use the form on the page itself.")


def _own(base_url: str) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:  # every current browser; Origin may be "null" for our own page too, by its referrer policy
        return site in {"same-origin", "none"}
    return origin in {None, _origin(base_url), _origin(request.host_url)}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
