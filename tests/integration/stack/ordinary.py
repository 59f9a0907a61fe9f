"""Running something as an ordinary user, where the tests run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.stack.accounts import can
from cli.stack.processes import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = sysconfig.get_path("platlib")
VERSION = "{}.{}".format(*sys.version_info[:2])


@dataclass(frozen=True)
class Ordinary:
    """An account, a Python that it can run with our packages, and a home of its own."""

    account: Account
    python: str
    home: Path

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run that Python."""
        env = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join([str(ROOT), PACKAGES]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.home,
            env=env | variables,
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def ordinary() -> Iterator[Ordinary]:
    """An ordinary user. Skips where root's own Python lives in root's home and there is no other."""
    if os.geteuid() != 0:
        pytest.skip("needs root; as an ordinary user, every other test here is this test")
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)
    check = (
        f"import sys; assert sys.version.startswith({VERSION!r})\n"
        f"sys.path[:0] = {[str(ROOT), PACKAGES]!r}; import cli.stack.stack, psycopg"
    )
    candidates = [sys.executable, shutil.which(f"python{VERSION}", path="/usr/bin:/usr/local/bin")]
    python = next((each for each in candidates if each and can(account, each, "-c", check)), None)
    if python is None:
        pytest.skip(f"`{account.name}` can run no Python {VERSION} with the packages of {PACKAGES}")
    home = Path(tempfile.mkdtemp(prefix="ordinary-"))
    os.chown(home, account.uid, account.gid)
    yield Ordinary(account, python, home)
    shutil.rmtree(home)
