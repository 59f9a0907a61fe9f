"""`contact-events event-names` against a running system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.system import contact_events

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.system import System


def test_names_are_listed_changed_and_shown(system: System, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        environment = {"BASE_URL": system.base_url, "API_KEY": system.api_key}
        return contact_events("event-names", *arguments, environment=environment, folder=tmp_path)

    written = system.api.write("POST", "/api/v1/contacts", {"external_id": "names-1"}, "c-1")
    event = {"name": "plan/upgarded", "occurred_at": "2026-06-07T10:30:00Z", "properties": {"mrr": 5}}
    contact = written.body["id"]
    position = system.api.write("POST", f"/api/v1/contacts/{contact}/events", event, "e-1").body["position"]
    system.api.get(f"/api/v1/contacts/{contact}", position=position)

    shown = run("set", "plan/upgarded", "--alias", "plan_upgraded", "--tone", "positive", "--hidden", "--id", "n-1")
    assert "shown as     plan_upgraded" in shown
    assert "hidden       yes" in shown
    assert "property     mrr: number 1" in shown
    listed = next(line for line in run("list").splitlines() if line.startswith("plan/upgarded"))
    assert "alias: plan_upgraded  hidden  tone: positive" in listed
    assert "alias        -" in run("set", "plan/upgarded", "--no-alias", "--visible", "--tone", "auto")
    assert "events       1" in run("show", "plan/upgarded")
    run("set", "plan/upgarded", "--archived")
    assert "plan/upgarded" not in run("list")
    assert "plan/upgarded" in run("list", "--archived")

    for arguments, said in (
        (["set", "plan/upgarded"], "Nothing to change"),
        (["set", "plan/upgarded", "--alias", "x", "--no-alias"], "cannot both be given"),
        (["set", "plan/upgarded", "--template", "{a"], "never closed"),
        (["show", "nobody"], "no event of the name nobody"),
    ):
        with pytest.raises(AssertionError, match=said):
            run(*arguments)
