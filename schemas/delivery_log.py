"""How much of the delivery log is kept: ingest writes and tidies it, query reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

KEPT_FOR: Final = timedelta(days=30)
MOST_ROWS: Final = 10_000
"""Details of one workspace; the counts go on."""

BY_THE_MINUTE: Final = timedelta(hours=25)
"""What is older is counted by whole hours."""
