"""What an operator types beside a running system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.system import contact_events

if TYPE_CHECKING:
    from tests.e2e.system import System


def sign_in_link(system: System, path: str) -> str:
    """Make a link as an operator does."""
    return contact_events(
        "agents", "link", "--next", path, environment=system.environment, folder=system.folder
    ).strip()


def let_frame(system: System, origin: str) -> None:
    """Let a helpdesk's origin frame the sidebar."""
    contact_events(
        "workspaces", "set", "1", "--frame-ancestor", origin, environment=system.environment, folder=system.folder
    )
