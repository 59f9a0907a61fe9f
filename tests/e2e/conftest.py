"""Whole systems: one on the session's broker and database, one with a stack of its own that may be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.stack_folder import StackFolder
from tests.e2e.system import running_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.system import System
    from tests.parts import Parts


@pytest.fixture(scope="module")
def system(stack: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system of the module's own."""
    with running_system(stack, tmp_path_factory.mktemp("system"), "E2E") as running:
        yield running


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackFolder]:
    """Bring a whole stack up in an empty folder."""
    folder = StackFolder(tmp_path_factory.mktemp("a folder of its own"))
    try:
        folder.up()
        yield folder
    finally:
        folder.discard()
