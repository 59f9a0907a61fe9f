"""Somebody else's page, on an origin of its own, with our sidebar in a frame."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask

from tests.browser.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = """<!doctype html><title>Helpdesk</title><h1>Conversation</h1>
<iframe title="Contact Events" src="{src}" width="320" height="720"></iframe>
<script>
  window.asked = 0;
  addEventListener("message", (message) => {{
    if (message.data.type !== "contact-events:token-wanted") return;
    window.asked += 1;
    const answer = {{type: "contact-events:token", token: window.answer}};
    if (window.answer) message.source.postMessage(answer, message.origin);
  }});
</script>"""


class Helpdesk:
    """A page with a frame; `src` is what the frame shows."""

    def __init__(self) -> None:
        self.url = ""
        self.src = ""


@contextmanager
def helpdesk() -> Iterator[Helpdesk]:
    """Serve it on a free port, under another host name than the pages: another site to a browser."""
    desk = Helpdesk()
    app = Flask("helpdesk", static_folder=None)

    @app.get("/")
    def page() -> str:
        return PAGE.format(src=desk.src)

    with serving(app) as server:
        desk.url = f"http://localhost:{server.port}"
        yield desk
