"""What all pages share: who reads them, in which time zone, and how they are rendered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Response, g, render_template, request

from query.access import contact_not_found
from query.presentation.events import Reader
from query.presentation.times import clock, zone_named
from query.sessions import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from query.access import Access
    from query.cursors import CursorSigner
    from query.page_reads import PageReads
    from query.sessions import Sessions
    from query.static_files import StaticFiles
    from query.workspaces import Workspace

_ID: Final = re.compile(r"[1-9][0-9]{0,15}")
_LARGEST_ID: Final = 2**53 - 1
ZONE_COOKIE: Final = "contact_events_time_zone"


class SignedOutError(Exception):
    """A fragment was asked for without a session: a redirection would end up inside the page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the pages are made with."""

    reads: PageReads
    access: Access
    sessions: Sessions
    cursors: CursorSigner
    static: StaticFiles
    base_url: str
    secure: bool
    now: Callable[[], datetime]

    def workspace(self) -> Workspace:
        """Give the signed-in agent's workspace; raise SignInRequiredError."""
        session = self.access.agent(request)
        workspace = self.reads.workspace(session.workspace_id)
        if workspace is None:
            raise contact_not_found()
        return workspace

    def fragment_workspace(self) -> Workspace:
        """Give the same to a page's script; raise SignedOutError."""
        if self.sessions.read(request.cookies.get(COOKIE)) is None:
            raise SignedOutError
        return self.workspace()

    def reader(self, workspace: Workspace, *preferred: str | None) -> Reader:
        """Tell the reader's zone: what is preferred, the browser's (its script keeps a cookie), or the workspace's."""
        zone = zone_named(*preferred, request.cookies.get(ZONE_COOKIE), workspace.time_zone)
        pinned = tuple(workspace.pinned_custom_data)
        return Reader(zone, self.now(), self.reads.catalogue(workspace.id), pinned)

    def as_of(self, reader: Reader) -> str | None:
        """Write up to when the timelines are complete; None when they are current."""
        moment = self.reads.as_of()
        return clock(moment, reader.zone) if moment else None

    def render(self, template: str, status: int = 200, **context: Any) -> Response:  # noqa: ANN401 - what a template takes
        """Render a page."""
        context.setdefault("workspace", None)
        context.setdefault("reader", None)
        chosen = zone_named(request.cookies.get(ZONE_COOKIE)).key == request.cookies.get(ZONE_COOKIE)
        text = render_template(
            template,
            static=self.static.address,
            base_url=self.base_url,
            zone_is_readers=chosen,
            request_id=g.get("request_id"),
            **context,
        )
        return Response(text, status, content_type="text/html; charset=utf-8")


def contact_id_in(text: str) -> int:
    """Read a contact's id from a path; anything else is answered like an unknown contact."""
    if not _ID.fullmatch(text) or int(text) > _LARGEST_ID:
        raise contact_not_found()
    return int(text)
