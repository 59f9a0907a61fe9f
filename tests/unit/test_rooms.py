"""The folder tree is the architecture: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"ingest", "projector", "query", "schemas", "runtime", "cli", "sdk", "tests", "bench"}
MAY_IMPORT = {
    "schemas": {"schemas"},
    "runtime": {"runtime"},
    "ingest": {"ingest", "schemas", "runtime"},
    "projector": {"projector", "schemas", "runtime"},
    "query": {"query", "schemas", "runtime"},
    "cli": {"cli", "ingest", "projector", "query", "schemas", "runtime"},
}


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room they come from"
            names.add(node.module or "")
    return {name.split(".")[0] for name in names} & ROOMS


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): bad for path in files if (bad := imported_rooms(path) - MAY_IMPORT[room])}
    assert not wrong


@pytest.mark.parametrize("room", ["schemas", "runtime", "ingest", "projector", "query"])
def test_only_the_command_line_reads_the_process_environment(room: str) -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and ast.unparse(node.value) == "os"
    ]
    assert not readers
