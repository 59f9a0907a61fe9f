"""`python -m tests.drill`: the fault drill with its printed reconciliation."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from tests.drill.drill import Drill, run_drill


@click.command()
@click.option("--events", default=30_000, show_default=True, help="Events to be accepted.")
@click.option("--faults", default=20, show_default=True, help="Kills and freezes.")
@click.option("--kills", default=0, show_default=True, help="Go on until so many of the faults were kills.")
@click.option("--seed", default=1, show_default=True, help="Of the schedule and of the load.")
@click.option("--callers", default=4, show_default=True)
@click.option("--pace", default=0.0, show_default=True, help="Seconds between two batches of a caller.")
def main(  # noqa: PLR0917 - the options of the command
    events: int, faults: int, kills: int, seed: int, callers: int, pace: float
) -> None:
    """Kill and freeze the parts under load, then audit every promise."""
    directory = Path(tempfile.mkdtemp(prefix="drill-"))
    broken = run_drill(Drill(events, faults, seed, callers, pace, kills), directory, click.echo)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
