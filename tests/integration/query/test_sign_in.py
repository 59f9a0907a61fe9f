from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from cli.agents import agents

if TYPE_CHECKING:
    from flask import Flask

    from tests.integration.query.rows import Rows


def link(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(agents, ["link", *arguments], obj=environment)
    return result.exit_code, result.output.strip()


def test_the_commands_link_signs_an_agent_in(
    app: Flask, environment: dict[str, str], workspace: int, rows: Rows
) -> None:
    contact = rows.contact(name="Ada")
    code, text = link(environment, "--workspace", str(workspace), "--next", f"/contacts/{contact}")
    assert code == 0
    parts = urlsplit(text)
    client = app.test_client()

    before = client.get(f"/api/v1/contacts/{contact}")
    posted = client.post("/sign-in", data={"token": parts.fragment, "next": f"/contacts/{contact}"})
    after = client.get(f"/api/v1/contacts/{contact}")

    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "http://localhost/sign-in"
    assert before.status_code == 401
    assert (posted.status_code, posted.headers["Location"]) == (303, f"/contacts/{contact}")
    assert {"HttpOnly", "SameSite=Lax"} <= set(posted.headers["Set-Cookie"].split("; "))
    assert after.get_json()["name"] == "Ada"


@pytest.mark.parametrize(
    "arguments", [["--workspace", "999"], ["--next", "https://elsewhere.example"], ["--next", "//elsewhere.example"]]
)
def test_a_link_that_would_lead_astray_is_not_made(environment: dict[str, str], arguments: list[str]) -> None:
    code, text = link(environment, *arguments)

    assert code != 0
    assert "#" not in text
