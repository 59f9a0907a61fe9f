"""`python -m tests.drill.client_outage`: the server is away for minutes, and the app that tracks is killed meanwhile.

The client keeps what was tracked in its spool. When the server is back an app started anew sends it, and every id that
`track` returned must be on the timeline, once. Idle most of the time: it costs little to run beside other work.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tests.drill.stand import Stand
from tests.integration.running import ROOT, Running, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Outage:
    """`kills` of the app are spread over the time that the server is away; it tracks `rate` events a second."""

    seconds: float
    kills: int
    rate: float


class App:
    """The app that tracks, as a process of its own. `ids` is what it was promised, whatever becomes of it."""

    def __init__(self, running: Running, contact_id: int, rate: float, folder: Path) -> None:
        self._command = [
            *(sys.executable, "-m", "tests.drill.tracking_app", running.url, running.api_key),
            *(str(folder / "spool"), str(contact_id), str(rate)),
        ]
        self._printed = folder / "ids"
        self._environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python/src'}"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it tracks."""
        before = len(self.ids())
        with self._printed.open("ab") as out:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=out)
        wait_until(lambda: len(self.ids()) > before, "the app tracks")

    def kill(self) -> None:
        """Kill -9 it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ids(self) -> list[str]:
        """Read what was promised. A line that a kill cut off was not."""
        if not self._printed.exists():
            return []
        return [line for line in self._printed.read_text().split("\n")[:-1] if len(line) == len(_AN_ID)]


_AN_ID = "0190c0de-7a5b-7000-8000-00000000c0de"


def run_outage(outage: Outage, running: Running, folder: Path, say: Callable[[str], None]) -> list[str]:
    """Run it on a system that runs; return what was broken."""
    from contact_events import Client  # noqa: PLC0415 - `main` finds it, where pytest has not

    with Client(running.url, running.api_key) as client:
        contact_id = client.contact(external_id="shop-17")
    app = App(running, contact_id, outage.rate, folder)
    try:
        app.start()
        running.kill_server()
        say(f"The server is killed, for {outage.seconds:.0f} s.")
        for kill in range(outage.kills):
            _idle(outage.seconds / (outage.kills + 1))
            app.kill()
            say(f"The app is killed (time {kill + 1}), after {len(app.ids())} events.")
            app.start()
        _idle(outage.seconds / (outage.kills + 1))
        running.start_server()
        say("The server is back.")
    finally:
        app.kill()
    return _audit(outage, running, contact_id, app.ids(), folder / "spool", say)


def _audit(  # noqa: PLR0917 - what was done, and where to look
    outage: Outage, running: Running, contact_id: int, ids: list[str], spool: Path, say: Callable[[str], None]
) -> list[str]:
    from contact_events import Client  # noqa: PLC0415 - see above

    with Client(running.url, running.api_key, spool=spool) as client:
        begun = time.monotonic()
        sent = client.flush(300)
        say(f"What was left is sent {time.monotonic() - begun:.1f} s later.")
    wait_until(lambda: not set(ids) - {event["id"] for event in running.timeline(contact_id)}, "all is shown")
    counts = Counter(event["id"] for event in running.timeline(contact_id))
    lost, unasked = set(ids) - set(counts), set(counts) - set(ids)
    say(f"{len(ids)} events promised, {len(counts)} on the timeline, {len(lost)} lost, {len(unasked)} never promised.")
    broken = [] if sent else ["not everything could be sent"]
    broken += [f"lost: {len(lost)}"] if lost else []
    broken += [f"twice: {each}" for each, count in counts.items() if count > 1]
    if len(unasked) > outage.kills + 1:  # the one that `track` had taken when its app was killed
        broken.append(f"never promised: {len(unasked)}")
    if list(spool.iterdir()):
        broken.append("the spool is not empty")
    return broken


def _idle(seconds: float) -> None:
    time.sleep(seconds)  # not a wait for something: the length of the outage is what is asked for


@contextlib.contextmanager
def own_system(folder: Path) -> Iterator[Running]:
    """Start a stack and a system for the drill alone."""
    stand = Stand(folder / "stand")
    running = Running(stand.environment, stand.api_key, folder)
    try:
        running.start_projector()
        running.start_server()
        yield running
    finally:
        running.stop()
        stand.close()


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long the server is away.")
@click.option("--kills", default=3, show_default=True, help="Of the app, meanwhile.")
@click.option("--rate", default=20.0, show_default=True, help="Events a second.")
def main(minutes: float, kills: int, rate: float) -> None:
    """Keep the server away, kill the app, and look for everything that was promised."""
    sys.path.insert(0, str(ROOT / "sdk/python/src"))
    with tempfile.TemporaryDirectory(prefix="outage-") as name, own_system(Path(name)) as running:
        broken = run_outage(Outage(minutes * 60, kills, rate), running, Path(name), click.echo)
    for each in broken:
        click.echo(f"BROKEN: {each}")
    click.echo("Broken." if broken else "Nothing lost, nothing twice.")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
