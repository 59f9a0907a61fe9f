"""The stand-in helpdesk frames the right contact, keeps the API key to itself, and says when there is nothing yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.demo.api import Api
from cli.demo.conversations import CONVERSATIONS
from cli.demo.helpdesk import Helpdesk, build_helpdesk
from cli.demo.memory import Memory

if TYPE_CHECKING:
    from flask.testing import FlaskClient

END = datetime(2026, 11, 24, 11, tzinfo=UTC)
CONTACTS = {conversation.external_id: number for number, conversation in enumerate(CONVERSATIONS, start=17)}


@dataclass
class Minting:
    """The one endpoint that the helpdesk calls."""

    status: int = 201
    seen: list[Any] = field(default_factory=list)
    data: bytes = b'{"token": "t1", "expires_at": "x", "url": "http://here/embed/1/sidebar#t1"}'

    def request(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Minting:
        assert (method, url) == ("POST", "http://here/api/v1/sidebar-tokens")
        assert headers["Authorization"] == "Bearer secret-key"
        self.seen.append(json.loads(body))
        return self


def client(minting: Minting, memory: Memory | None) -> FlaskClient:
    api = Api("http://here", "secret-key", request=minting.request, patience=0)  # type: ignore[arg-type] # enough of one
    return build_helpdesk(Helpdesk(api, "http://here", recall=lambda: memory)).test_client()


def test_the_inbox_opens_the_first_conversation() -> None:
    answer = client(Minting(), Memory(END, contacts=CONTACTS)).get("/", follow_redirects=True)
    assert answer.status_code == 200
    assert "Two charges in one month?" in answer.text
    assert "Maya Lindqvist" in answer.text
    assert all(conversation.subject in answer.text for conversation in CONVERSATIONS)


def test_every_conversation_has_a_page_without_the_api_key() -> None:
    helpdesk = client(Minting(), Memory(END, contacts=CONTACTS))
    for conversation in CONVERSATIONS:
        answer = helpdesk.get(f"/conversations/{conversation.id}")
        assert answer.status_code == 200
        assert "secret-key" not in answer.text
        assert "frame-src http://here" in answer.headers["Content-Security-Policy"]
    assert helpdesk.get("/conversations/nothing").status_code == 404


def test_a_token_is_minted_for_the_conversations_contact_and_the_agents_time_zone() -> None:
    minting = Minting()
    helpdesk = client(minting, Memory(END, contacts=CONTACTS))
    answer = helpdesk.post("/conversations/c-4126/sidebar-token", json={"time_zone": "Europe/Paris"})
    assert answer.json == {"token": "t1", "url": "http://here/embed/1/sidebar#t1"}
    assert minting.seen == [
        {
            "contact_id": 18,
            "conversation": {"id": "c-4126", "started_at": "2026-11-24T10:08:00Z"},
            "time_zone": "Europe/Paris",
        }
    ]


def test_a_form_of_another_site_gets_no_token() -> None:
    minting = Minting()
    answer = client(minting, Memory(END, contacts=CONTACTS)).post(
        "/conversations/c-4126/sidebar-token", data={"a": "b"}
    )
    assert answer.status_code == 415
    assert minting.seen == []


def test_trouble_with_the_api_is_told() -> None:
    minting = Minting(status=403, data=b'{"code": "missing_scope", "detail": "This API key lacks the scope."}')
    answer = client(minting, Memory(END, contacts=CONTACTS)).post("/conversations/c-4126/sidebar-token", json={})
    assert answer.status_code == 502
    assert "missing_scope" in answer.text


def test_before_the_first_run_it_is_alive_and_says_what_to_do() -> None:
    helpdesk = client(Minting(), None)
    assert helpdesk.get("/healthz").status_code == 200
    answer = helpdesk.get("/", follow_redirects=True)
    assert answer.status_code == 503
    assert "demo run" in answer.text


def test_no_conversation_begins_after_the_end_or_speaks_after_it() -> None:
    for conversation in CONVERSATIONS:
        began = conversation.started_at(END)
        assert all(began <= line.at(began) <= END for line in conversation.lines)
