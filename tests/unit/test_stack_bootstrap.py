"""The first thing make runs, with nothing installed: it has to work with the Pythons that people have."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).resolve().parents[2] / "cli" / "bootstrap.py"
BASE_PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder with nothing but the script, and beside it a package to install that needs no network."""
    root = tmp_path / "a project"
    (root / "cli").mkdir(parents=True)
    shutil.copy(BOOTSTRAP, root / "cli")
    with zipfile.ZipFile(tmp_path / "tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "tiny.py,,\n")
    return root


def hiding(folder: Path, *modules: str) -> dict[str, str]:
    """Make an environment in which Python has none of these modules, and no uv is found."""
    folder.mkdir()
    for module in modules:
        (folder / f"{module}.py").write_text(f"raise ImportError('no {module} here')", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder), "PATH": os.defpath}


def create(project: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Make the environment and install the package with the command that comes back."""
    wheel = project.parent / "tiny-1-py3-none-any.whl"
    script = (
        "import subprocess, sys; sys.path.insert(0, 'cli'); import bootstrap\n"
        f"subprocess.run([*bootstrap.create(), '--no-index', {str(wheel)!r}], check=True)"
    )
    return subprocess.run(
        [BASE_PYTHON, "-c", script], cwd=project, env=env, capture_output=True, text=True, check=False
    )


BACKEND = """
import base64, hashlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "project-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("project.pth", "")
        wheel.writestr("project-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: project\\nVersion: 1\\n")
        wheel.writestr("project-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("project-1.dist-info/RECORD", "project.pth,,\\n")
    return name
"""


def test_two_at_the_same_time_install_once_and_later_calls_do_nothing(project: Path, tmp_path: Path) -> None:
    (project / "backend.py").write_text(BACKEND, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n', encoding="utf-8"
    )
    (project / "requirements").mkdir()
    wheel = tmp_path / "tiny-1-py3-none-any.whl"
    pinned = f"tiny==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (project / "requirements" / "run.txt").write_text(pinned, encoding="utf-8")
    env = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": tmp_path.as_uri()}
    command = [str(BASE_PYTHON), "cli/bootstrap.py", "run"]

    both = [
        subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    assert "".join(told).count("Installing 1 locked packages") == 1
    assert list(project.glob(".venv/lib/*/site-packages/tiny.py"))
    assert subprocess.run(command, cwd=project, env=env, capture_output=True, check=True).stdout == b""


def test_a_python_without_ensurepip_installs_with_its_own_pip(project: Path, tmp_path: Path) -> None:
    done = create(project, hiding(tmp_path / "hidden", "ensurepip"))

    assert done.returncode == 0, done.stderr
    assert not list(project.glob(".venv/lib/*/site-packages/pip"))
    assert list(project.glob(".venv/lib/*/site-packages/tiny.py"))


def test_a_python_with_ensurepip_installs_with_the_environments_pip(project: Path, tmp_path: Path) -> None:
    done = create(project, hiding(tmp_path / "hidden"))

    assert done.returncode == 0, done.stderr
    assert list(project.glob(".venv/lib/*/site-packages/tiny.py"))


def test_a_python_with_neither_says_what_to_install(project: Path, tmp_path: Path) -> None:
    done = create(project, hiding(tmp_path / "hidden", "ensurepip", "pip"))

    assert done.returncode != 0
    assert "has neither ensurepip nor pip" in done.stderr
    assert "Traceback" not in done.stderr
