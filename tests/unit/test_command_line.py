from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from cli.main import COMMANDS, environment, main, read_dotenv

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]


def test_every_subcommand_can_be_loaded_and_has_help() -> None:
    for name in COMMANDS:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert len(result.output.splitlines()) > 2


def test_an_unknown_subcommand_is_named() -> None:
    result = CliRunner().invoke(main, ["stakc"])
    assert result.exit_code == 2
    assert "stakc" in result.output


def test_a_command_beside_a_running_stack_finds_it(tmp_path: Path) -> None:
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "stack.env").write_text('TOPIC="one"\n# note\nBASE_URL=http://x/?a=b\n', encoding="utf-8")
    assert environment({"TOPIC": "two"}, tmp_path) == {"TOPIC": "two", "BASE_URL": "http://x/?a=b"}


def test_without_a_stack_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / "stack.env") == {}


def test_bare_make_prints_help() -> None:
    output = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("up", "down", "status", "logs", "demo", "test", "bench"):
        assert f"make {target} " in output


def test_importing_the_command_line_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "not an address")
    code = "import sys, cli.main; sys.exit('kafka' in sys.modules or 'psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
