"""Make `.venv` and install a lock file into it, with nothing but the standard library.

Run by make with the machine's own Python, before any dependency exists. Doing it again with an unchanged lock file
does nothing. `python3 cli/bootstrap.py run` installs what a running stack needs, `dev` adds the test tools.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def say(text: str) -> None:
    """Print one line at once, so that a long install shows what it is doing."""
    print(text, flush=True)  # noqa: T201 - the only output channel before the dependencies exist


def run(*command: str | Path) -> bool:
    """Run a command, with its output shown only when it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    return done.returncode == 0


def create() -> list[str]:
    """Create the virtual environment; return the command that installs into it.

    Debian's python3 comes without ensurepip. There the environment is made without pip, and the machine's own pip,
    or uv, installs into it from outside.
    """
    if not PYTHON.exists():
        try:
            import ensurepip  # noqa: F401 - only asking whether it is there

            flags = []
        except ImportError:
            flags = ["--without-pip"]
        say(f"Creating .venv with Python {sys.version.split()[0]}")
        venv = [sys.executable, "-m", "venv"]
        if not (run(*venv, *flags, VENV) or run(*venv, "--without-pip", VENV)):
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit("Could not create .venv; the reason is above.")
    inside = [str(PYTHON), "-m", "pip"]
    outside = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    for pip in (inside, outside):
        probe = subprocess.run([*pip, "--version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return [*pip, "--disable-pip-version-check", "install", "--quiet", "--progress-bar=off"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    return sys.exit(
        f"{sys.executable} has neither ensurepip nor pip, so nothing can be installed into .venv. Install one of them: "
        f"on Debian and Ubuntu `apt install python3-venv`, elsewhere pip or uv."
    )


def main(name: str) -> None:
    """Bring `.venv` to the state that `requirements/<name>.txt` describes."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the check that says so to an older Python
        sys.exit(
            f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. Try `make PYTHON=...`."
        )
    turn = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(turn, fcntl.LOCK_EX)  # two at a time would install over each other; it ends with this process
    lock = ROOT / "requirements" / f"{name}.txt"
    stamp = VENV / f".installed-{name}"
    wanted = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted and PYTHON.exists():
        return
    install = create()
    say(f"Installing {lock.read_text().count('==')} locked packages (requirements/{name}.txt)")
    env = os.environ | {"PIP_NO_INPUT": "1"}
    steps = [
        [*install, "--require-hashes", "-r", str(lock)],
        [*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]
    for step in steps:
        if subprocess.run(step, env=env, check=False).returncode:
            sys.exit(
                f"Could not install the packages of requirements/{name}.txt into .venv; the reason is above. "
                "They come from the Python package index that pip is set up with: is the network there?"
            )
    stamp.write_text(wanted)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "run")
