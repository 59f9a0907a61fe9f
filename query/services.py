"""What the routes need, built once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from query.access import Access
    from query.catalogue import Catalogues
    from query.cursors import CursorSigner
    from query.gate import Gate
    from query.live import Live
    from query.reading import Reading
    from query.sessions import Sessions
    from query.settings import Settings
    from query.sidebar_tokens import SidebarTokens


@dataclass(frozen=True, slots=True)
class Services:
    """One of each; all are safe to use from many threads."""

    settings: Settings
    reading: Reading
    catalogues: Catalogues
    access: Access
    gate: Gate
    cursors: CursorSigner
    sessions: Sessions
    sidebar_tokens: SidebarTokens
    live: Live
    now: Callable[[], datetime]
