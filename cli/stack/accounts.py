"""Under which account, and in which folder, PostgreSQL runs when the caller is root: it refuses to run as root itself.

An existing unprivileged account is used, none is created. Where that account cannot pass through the folders above the
project (a home folder of mode 700 stops it), the data or the programs are placed where it can, and that is said.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cli.stack.errors import StackError
from cli.stack.processes import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

USUAL = ("postgres", "nobody")
ELSEWHERE = (Path("/var/lib/contact-events"), Path("/var/tmp/contact-events"))  # noqa: S108 - made by root, mode 755
"""Where the account can surely go. /var/lib first: some systems clean the other one."""


def places() -> str:
    """Name those folders in a message."""
    return " or ".join(str(base) for base in ELSEWHERE)


def server_account(project: Path) -> Account | None:
    """Choose the account: None for an ordinary user, who runs it as himself.

    Root prefers the owner of the project's folder, who can surely pass through the folders above it.
    """
    if os.geteuid() != 0:
        return None
    names = []
    owner = project.stat().st_uid
    if owner != 0:
        with suppress(KeyError):  # a folder from another machine: its owner has no account here, and initdb wants one
            names.append(pwd.getpwuid(owner).pw_name)
    for name in (*names, *USUAL):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise StackError(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` for it here. "
        "Run `make up` as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
    )


def can(account: Account, *command: str) -> bool:
    """Say whether a command succeeds when that account runs it."""
    try:
        done = subprocess.run(
            command,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False  # also: root without the right to change the account, as in some containers
    return done.returncode == 0


def place_programs(
    bin_folder: Path, account: Account | None, say: Callable[[str], None], elsewhere: Sequence[Path] = ELSEWHERE
) -> Path:
    """Return a folder from which the account can run PostgreSQL: the wheel's own, else a copy `elsewhere`."""
    if account is None or runs(account, bin_folder):
        return bin_folder
    package = bin_folder.parents[1]
    version = subprocess.run(
        [bin_folder / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    for base in elsewhere:
        copy = base / f"postgresql-{version}"
        there = copy / bin_folder.relative_to(package.parent)
        if runs(account, there):
            return there
        try:
            copied(package, copy, bin_folder.parent.name)
        except OSError:
            continue
        if runs(account, there):
            say(f"PostgreSQL runs as `{account.name}`, who cannot reach {bin_folder}: it runs from a copy, {copy}")
            return there
    raise StackError(
        f"PostgreSQL must run as `{account.name}` (it refuses root), who cannot run {bin_folder}/postgres, and "
        f"no copy could be made in {places()}. Run `make up` as an ordinary user, or set DATABASE_URL."
    )


def runs(account: Account, bin_folder: Path) -> bool:
    """Say whether the account can run the programs there, with the libraries they need."""
    return all(can(account, str(bin_folder / program), "--version") for program in ("postgres", "initdb"))


def copied(package: Path, target: Path, wanted: str) -> None:
    """Copy the programs for everyone to run; the folder gets its name when the copy is complete.

    They look for their libraries in a folder beside the package, which therefore comes along.
    """
    make_passable(target.parent)
    with tempfile.TemporaryDirectory(prefix="copying-", dir=target.parent) as folder:
        staging = Path(folder) / target.name
        for part in (f"{package.name}/{wanted}", f"{package.name}/.dylibs", f"{package.name}.libs"):
            if (package.parent / part).is_dir():
                unused = shutil.ignore_patterns("include", "*.a")
                shutil.copytree(package.parent / part, staging / part, symlinks=True, ignore=unused)
        for path in [staging, *staging.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)


def make_passable(folder: Path) -> None:
    """Make a folder that other accounts can pass through, whatever the caller's umask."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def place_data(wanted: Path, account: Account | None, name: str, say: Callable[[str], None]) -> Path:
    """Return the folder to keep the server's data in, owned by the account: the wanted one, else one outside.

    The wanted path then becomes a link to it, so that the data is found where one looks for it, now and later.
    `name` must be unique to this stack.
    """
    if account is None:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        return wanted.resolve()
    if not wanted.exists():
        wanted.unlink(missing_ok=True)  # a link to nowhere
        wanted.mkdir(parents=True, mode=0o700)
        os.chown(wanted, account.uid, account.gid)
    if can(account, "/bin/sh", "-c", 'test -x "$1" -a -w "$1"', "sh", str(wanted.resolve())):
        return wanted.resolve()
    if wanted.is_symlink() or any(wanted.iterdir()):
        raise StackError(f"PostgreSQL's data in {wanted.resolve()} cannot be reached by `{account.name}`, who runs it.")
    for base in ELSEWHERE:
        outside = base / name
        try:
            make_passable(base)
            outside.mkdir(mode=0o700)
            os.chown(outside, account.uid, account.gid)
        except OSError:
            continue
        if can(account, "/bin/sh", "-c", 'test -x "$1" -a -w "$1"', "sh", str(outside)):
            wanted.rmdir()
            wanted.symlink_to(outside)
            say(f"PostgreSQL runs as `{account.name}`, who cannot reach {wanted}: its data is in {outside}")
            return outside
    raise StackError(
        f"PostgreSQL must run as `{account.name}` (it refuses root), who cannot reach {wanted}, and its data "
        f"could not be placed in {places()} either. Run `make up` as an ordinary user."
    )
