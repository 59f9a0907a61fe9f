"""A stand-in for a customer's own helpdesk, at an origin of its own: conversations, and beside them the sidebar.

It shows what such a helpdesk has to do: its server mints a sidebar token with the API key, the page puts it behind the
`#` of the frame's address, and hands over a fresh one when the frame asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for

from cli.demo.api import ApiError
from cli.demo.conversations import CONVERSATIONS, Conversation
from cli.demo.stars import STARS
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response as AnyResponse

    from cli.demo.api import Api
    from cli.demo.memory import Memory
    from cli.demo.story import Shop

AGENT: Final = "Robin"
POLICY: Final = "default-src 'self'; frame-src {frame}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Helpdesk:
    """What the pages need: the read and write API, where its pages are, and what the demo remembers."""

    api: Api
    base_url: str
    recall: Callable[[], Memory | None]

    def memory(self) -> Memory:
        """Tell what the demo remembers, or answer that there is no demo yet."""
        memory = self.recall()
        if memory is None or not memory.contacts:
            abort(503, "The demo has not run yet: `contact-events demo run`.")
        return memory

    def shops(self, memory: Memory) -> dict[str, Shop]:
        """Tell the shops that have conversations, by external id."""
        stories = [star(memory.end) for star in STARS]
        return {story.shop.external_id: story.shop for story in stories}

    def mint(self, conversation: Conversation, time_zone: str | None) -> dict[str, Any]:
        """Ask for a token that shows this conversation's contact."""
        memory = self.memory()
        body: dict[str, Any] = {
            "contact_id": memory.contacts[conversation.external_id],
            "conversation": {
                "id": conversation.id,
                "started_at": format_time(conversation.started_at(memory.end)),
            },
        }
        if time_zone:
            body["time_zone"] = time_zone
        answer = self.api.write("POST", "/api/v1/sidebar-tokens", body).body
        return {"token": answer["token"], "url": answer["url"]}


def build_helpdesk(helpdesk: Helpdesk) -> Flask:
    """Build the pages."""
    here = Path(__file__).parent
    app = Flask("helpdesk", template_folder=str(here / "templates"), static_folder=str(here / "static"))
    by_id = {conversation.id: conversation for conversation in CONVERSATIONS}

    @app.get("/")
    def inbox() -> AnyResponse:
        return redirect(url_for("conversation", id_=CONVERSATIONS[0].id))

    @app.get("/conversations/<id_>")
    def conversation(id_: str) -> str:
        memory = helpdesk.memory()
        return render_template(
            "helpdesk.html",
            agent=AGENT,
            conversations=CONVERSATIONS,
            current=by_id.get(id_) or abort(404),
            shops=helpdesk.shops(memory),
            end=memory.end,
            frame_origin=helpdesk.base_url,
        )

    @app.post("/conversations/<id_>/sidebar-token")
    def sidebar_token(id_: str) -> tuple[Response, int] | Response:
        given = request.get_json(silent=True)  # a JSON body: a form on another site cannot send one
        if not isinstance(given, dict):
            abort(415)
        time_zone = given.get("time_zone")
        try:
            return jsonify(helpdesk.mint(by_id.get(id_) or abort(404), time_zone or None))
        except ApiError as error:
            return jsonify(detail=str(error)), 502

    @app.get("/healthz")
    def alive() -> Response:
        return jsonify(status="alive")

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY.format(frame=helpdesk.base_url)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app
