from __future__ import annotations

import ast
import inspect
import sys
import tomllib
from pathlib import Path

import contact_events

PACKAGE = Path(contact_events.__file__).parent


def test_it_needs_urllib3_alone() -> None:
    imported: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"contact_events", "urllib3"}


def test_the_version_is_the_packages_and_it_is_typed() -> None:
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert contact_events.__version__ == project["version"]
    assert (PACKAGE / "py.typed").exists()


def test_the_documentation_names_every_setting_and_error() -> None:
    text = (PACKAGE.parents[3] / "docs" / "client.md").read_text(encoding="utf-8")
    settings = set(inspect.signature(contact_events.Client).parameters) - {"base_url", "api_key", "transport"}
    errors = {name for name in contact_events.__all__ if name.endswith("Error")} - {"ContactEventsError"}
    assert {name for name in settings | errors if f"`{name}" not in text and f"{name}=" not in text} == set()


def test_all_that_is_public_is_there() -> None:
    assert all(hasattr(contact_events, name) for name in contact_events.__all__)
