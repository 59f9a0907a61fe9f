"""One drill from beginning to end."""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.drill.audit import audit
from tests.drill.chaos import Chaos, Fault
from tests.drill.load import Caller, Ledger
from tests.drill.stand import Stand

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.drill.audit import Evidence

CONTACTS = 120
LOAD_SECONDS = 3_600.0


@dataclass(frozen=True)
class Drill:
    """What to do, and how much of it. The same seed does the same harm."""

    events: int
    faults: int
    seed: int
    callers: int
    pace: float
    kills: int = 0


def run_drill(drill: Drill, directory: Path, say: Callable[[str], None]) -> list[str]:
    """Run it; the broken promises, empty when all were kept."""
    stand = Stand(directory)
    try:
        stand.start()
        return _work(drill, stand, say)
    finally:
        stand.close()


def _work(drill: Drill, stand: Stand, say: Callable[[str], None]) -> list[str]:
    contacts = stand.create_contacts(CONTACTS)
    ledger = Ledger()
    chaos = Chaos(
        parts=stand.parts,
        commands=stand.commands,
        applied=stand.applied,
        seed=drill.seed,
        faults=drill.faults,
        kills=drill.kills,
        say=say,
    )
    callers = [
        Caller(
            url=stand.url,
            api_key=stand.api_key,
            contacts=contacts[number :: drill.callers],
            events=drill.events // drill.callers,
            seed=drill.seed * 1_000 + number,
            ledger=ledger,
            pace=drill.pace,
            schedule=chaos.share,
        )
        for number in range(drill.callers)
    ]
    started = time.monotonic()
    for thread in (chaos, *callers):
        thread.start()
    while any(caller.is_alive() for caller in callers) and time.monotonic() - started < LOAD_SECONDS:
        for caller in callers:
            caller.join(0.2)
    chaos.stopping.set()
    chaos.join(400)
    if chaos.is_alive():
        raise TimeoutError("the last part that was harmed did not come back")
    if chaos.error is not None:
        raise chaos.error
    loaded = time.monotonic() - started
    settled = stand.settle()
    evidence = stand.evidence(ledger)
    _print(say, evidence, ledger, chaos.faults, (loaded, settled))
    evidence.rebuilt_equal = stand.rebuilt_equal()
    broken = audit(evidence)
    if len(chaos.faults) < drill.faults or chaos.kills() < drill.kills:
        broken.append(f"the schedule was not carried out: {len(chaos.faults)} faults, {chaos.kills()} kills")
    if any(caller.is_alive() for caller in callers):
        broken.append("a caller did not get all of its events accepted")
    if ledger.rejected:
        broken.append(f"{len(ledger.rejected)} sound events were rejected, such as {ledger.rejected[0]}")
    _conclude(say, stand, broken)
    return broken


def _conclude(say: Callable[[str], None], stand: Stand, broken: list[str]) -> None:
    for command in stand.commands:
        if command.ended:
            say(f"{command.name} ended by itself {len(command.ended)} times")
            for words, times in Counter(command.ended).items():
                say(f"{times:>4} x {words}")
    for fault in broken:
        say(f"BROKEN  {fault}")
    say("every promise was kept" if not broken else f"{len(broken)} promises were broken")


def _print(
    say: Callable[[str], None],
    evidence: Evidence,
    ledger: Ledger,
    faults: list[Fault],
    seconds: tuple[float, float],
) -> None:
    totals: Counter[str] = Counter()
    for position in evidence.positions.values():
        totals.update({name: count for name, count in position.items() if name != "next_offset"})
    kills = sum(1 for fault in faults if fault.act == "kill")
    say(f"{len(faults)} faults, {kills} of them kills")
    say(f"load {seconds[0]:.0f} s, then applied to the end within {seconds[1]:.1f} s")
    say(f"accepted events      {len(ledger.accepted):>9,} in {ledger.attempts:,} requests, {ledger.failures:,} in vain")
    say(f"erased events        {len(ledger.erased):>9,}")
    say(f"records in the log   {len(evidence.log):>9,}")
    say(f"rows on the timeline {len(evidence.rows):>9,}")
    parts = " + ".join(f"{totals[name]:,} {name.replace('_', ' ')}" for name in totals if name != "read")
    say(f"{totals['read']:,} read = {parts}")
    by_kind: dict[tuple[str, str], list[float]] = defaultdict(list)
    for fault in faults:
        if fault.recovered_after is not None:
            by_kind[fault.act, fault.part].append(fault.recovered_after)
    for (act, part), times in sorted(by_kind.items()):
        say(
            f"{len(times):>4} x {act:<6} {part:<12} applied again after {statistics.median(times):.1f} s (median), "
            f"{max(times):.1f} s (worst)"
        )
