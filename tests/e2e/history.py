"""Data that nobody invented: the history of a git repository, and the timelines it should turn into.

`GIT_HISTORY_REPOSITORY` names another repository than this one; the more authors and commits, the better the test.
"""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

LONGEST = 6_000
"""Characters of a message; an event's properties end at 32 kB."""

FORMAT = "%H%x1f%an%x1f%ae%x1f%aI%x1f%B%x1e"


@dataclass(frozen=True)
class Commit:
    """`authored_at` keeps the author's own offset."""

    sha: str
    author: str
    email: str
    authored_at: str
    message: str

    @property
    def author_id(self) -> str:
        return self.email or self.author

    @property
    def instant(self) -> datetime:
        return datetime.fromisoformat(self.authored_at).astimezone(UTC)

    def event(self) -> dict[str, Any]:
        """Write it as the API takes it."""
        properties = {"message": self.message, "authored_at": self.authored_at}
        return {"id": self.sha, "name": "commit_authored", "occurred_at": self.authored_at, "properties": properties}


def read_history() -> list[Commit]:
    """Read it, oldest first."""
    repository = Path(os.environ.get("GIT_HISTORY_REPOSITORY") or Path(__file__).parents[2])
    command = ["git", "-C", str(repository), "log", "--reverse", "--topo-order", f"--format={FORMAT}"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no git history to read: {error}")
    fields = [entry.strip("\n").split("\x1f") for entry in done.stdout.decode(errors="replace").split("\x1e")]
    entries = [entry for entry in fields if len(entry) == 5]
    return [Commit(sha, author, email, moment, body.strip()[:LONGEST]) for sha, author, email, moment, body in entries]


def expected_timelines(history: list[Commit]) -> dict[str, list[Commit]]:
    """Order each author's commits as a timeline must: newest first; at the same instant, the one sent later first."""
    timelines = defaultdict(list)
    for place, commit in enumerate(history):
        timelines[commit.author_id].append((commit.instant, place, commit))
    return {author: [commit for _, _, commit in sorted(found, reverse=True)] for author, found in timelines.items()}
