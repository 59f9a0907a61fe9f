"""`contact-events status`: how far the tables are behind the log, and whether every record is accounted for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from cli.dead_letters import connected
from cli.proofs import reported_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projector.reconciliation import PartitionState

ALIVE: Final = 10.0
"""Seconds: a projector stamps a quiet partition every two."""


@click.command()
@click.pass_obj
def status(environment: Mapping[str, str]) -> None:
    """Show position, lag and counts of each partition. Exit code 1 when records wait and nobody applies them."""
    from projector.reconciliation import log_ends, partition_states, waiting_since
    from projector.settings import Settings
    from projector.version import VERSION, outdated, stored_version
    from runtime.kafka import build_consumer

    with reported_faults():
        settings = Settings.read(environment)
        with connected(environment) as connection:
            states = partition_states(connection)
            version = stored_version(connection)
        if not states:
            raise click.ClickException("no projector has ever worked on these tables")
        consumer = build_consumer(settings.bootstrap_servers, "contact-events-status", metrics_enabled=False)
        try:
            ends = log_ends(consumer, settings.topic, len(states))
            behind = {s.log_partition: s.next_offset for s in states if ends[s.log_partition] > s.next_offset}
            since = waiting_since(consumer, settings.topic, behind) if behind else {}
        finally:
            consumer.close()
    print_table(states, ends, since)
    print_sums(states, ends)
    if version is not None and version < VERSION:
        click.echo(outdated(version))
    if stuck := [state for state in states if verdict(state, ends, time.time()) == "stopped"]:
        raise click.ClickException(f"{len(stuck)} partitions have no projector: start `contact-events projector run`")


def verdict(state: PartitionState, ends: Mapping[int, int], now: float) -> str:
    """Tell quiet (nothing waits), behind (records wait, somebody works) and stopped (nobody does) apart."""
    moments = [moment.timestamp() for moment in (state.committed_at, state.caught_up_at) if moment is not None]
    if not moments or now - max(moments) > ALIVE:
        return "stopped"
    return "behind" if ends[state.log_partition] > state.next_offset else "quiet"


def print_table(states: list[PartitionState], ends: Mapping[int, int], since: Mapping[int, float]) -> None:
    """Print one line a partition."""
    click.echo(f"{'partition':>9} {'position':>12} {'log end':>12} {'waiting':>9} {'for':>9}  state")
    now = time.time()
    for state in states:
        partition, end = state.log_partition, ends[state.log_partition]
        age = f"{max(0.0, now - since[partition]):.1f} s" if partition in since else "-"
        lag = max(0, end - state.next_offset)
        line = f"{partition:>9} {state.next_offset:>12,} {end:>12,} {lag:>9,} {age:>9}  {verdict(state, ends, now)}"
        click.echo(line)


def print_sums(states: list[PartitionState], ends: Mapping[int, int]) -> None:
    """Print what became of every record that was read."""
    from projector.reconciliation import OUTCOMES

    totals = {outcome: sum(getattr(state, outcome) for state in states) for outcome in OUTCOMES}
    read = sum(state.read for state in states)
    parts = " + ".join(f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in totals.items())
    click.echo(f"{read:,} records read = {parts}")
    passed = sum(state.next_offset for state in states)
    click.echo(f"{passed:,} offsets passed, {passed - read:,} of them taken away by compaction before they were read")
    click.echo(f"{sum(max(0, ends[s.log_partition] - s.next_offset) for s in states):,} records waiting")
    if not all(state.adds_up for state in states):
        raise click.ClickException("the counts do not add up")
