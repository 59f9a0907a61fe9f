"""What README and docs tell a reader to type works, word for word, on a stack that came up from nothing."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.demo.api import Api
from tests.e2e.system import SECONDS, clean_environment, wait_until, whole_timeline

if TYPE_CHECKING:
    from tests.e2e.stack_folder import StackFolder

ROOT = Path(__file__).parents[2]


def blocks(document: str, language: str = "sh") -> list[str]:
    """Take the fenced blocks of a language out of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def typed(command: str, folder: StackFolder) -> str:
    """Type a block into a shell in the project's folder; its standard output."""
    done = subprocess.run(
        ["bash", "-eu", "-c", command],
        cwd=folder.root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def api(folder: StackFolder) -> Api:
    return Api(folder.environment["BASE_URL"], folder.environment["API_KEY"], patience=SECONDS)


def test_the_readme_has_the_two_commands_and_the_two_requests() -> None:
    commands = blocks("README.md")
    assert commands[0] == "make demo\n"
    assert "make test\n" in commands
    assert "make down\n" in commands
    assert sum("curl" in command for command in commands) == 2


def test_the_readmes_requests_put_an_event_on_a_timeline(stack_folder: StackFolder) -> None:
    make_contact, send_event = (command for command in blocks("README.md") if "curl" in command)
    contact: dict[str, Any] = json.loads(typed(make_contact, stack_folder))
    assert "id" in contact, contact
    send = send_event.replace("/contacts/1/", f"/contacts/{contact['id']}/")
    sent: dict[str, Any] = json.loads(typed(send, stack_folder))
    assert sent["id"] == "evt-0001"
    assert json.loads(typed(send, stack_folder))["id"] == "evt-0001"  # as the text says: again, and still once

    def events() -> list[dict[str, Any]]:
        return list(whole_timeline(api(stack_folder), contact["id"]))

    wait_until(lambda: bool(events()), "the event is on the timeline")
    assert [(event["id"], event["name"], event["properties"]["mrr_delta"]) for event in events()] == [
        ("evt-0001", "plan_upgraded", 50)
    ]


@pytest.mark.kcat
def test_the_topics_page_shows_how_to_look_at_it(stack_folder: StackFolder) -> None:
    make_contact = next(command for command in blocks("README.md") if "curl" in command)
    typed(make_contact, stack_folder)
    (look,) = (command for command in blocks("docs/topic.md") if "kcat" in command)
    records = [json.loads(line) for line in typed(look, stack_folder).splitlines()]
    assert records
    assert {record["specversion"] for record in records} == {"1.0"}


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "sdk/python/README.md"]
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in link.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not dead
