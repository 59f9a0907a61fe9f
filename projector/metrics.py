"""Metrics, read from the tables when they are asked for: so they are exact, whoever applied the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from projector.reconciliation import OUTCOMES, PartitionState, partition_states
from runtime.postgres import connection_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric

PREFIX: Final = "contact_events_projector"


class ProjectorMetrics(Collector):
    """Counts of all partitions; lag of those that this process owns, from `lag` (partition to records)."""

    def __init__(self, url: str, schema: str, lag: Callable[[], Mapping[int, int | None]]) -> None:
        self._conninfo = connection_string(
            url,
            role="contact_events_projector",
            schema=schema,
            application_name="contact-events metrics",
            statement_timeout=2_000,
        )
        self._lag = lag

    def describe(self) -> list[Metric]:
        """Promise nothing, so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the tables; without a database only what this process knows itself."""
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                states = partition_states(connection)
        except psycopg.Error:
            states = []
        available = GaugeMetricFamily(f"{PREFIX}_database_up", "Whether the positions could be read.")
        available.add_metric([], float(bool(states)))
        yield available
        yield from _of_states(states)
        lag = GaugeMetricFamily(f"{PREFIX}_lag_records", "Records waiting, in owned partitions.", labels=["partition"])
        for partition, records in self._lag().items():
            if records is not None:
                lag.add_metric([str(partition)], records)
        yield lag


def _of_states(states: list[PartitionState]) -> Iterator[Metric]:
    records = CounterMetricFamily(f"{PREFIX}_records", "Records by outcome.", labels=["partition", "outcome"])
    read = CounterMetricFamily(f"{PREFIX}_records_read", "Records read: the sum of all outcomes.", labels=["partition"])
    position = GaugeMetricFamily(f"{PREFIX}_next_offset", "First offset not applied yet.", labels=["partition"])
    committed = GaugeMetricFamily(f"{PREFIX}_committed_timestamp_seconds", "Last commit.", labels=["partition"])
    received = GaugeMetricFamily(
        f"{PREFIX}_newest_received_timestamp_seconds",
        "When the newest record applied was received.",
        labels=["partition"],
    )
    for state in states:
        partition = str(state.log_partition)
        for outcome in OUTCOMES:
            records.add_metric([partition, outcome], getattr(state, outcome))
        read.add_metric([partition], state.read)
        position.add_metric([partition], state.next_offset)
        for family, moment in ((committed, state.committed_at), (received, state.newest_received_at)):
            if moment is not None:
                family.add_metric([partition], moment.timestamp())
    yield from (records, read, position, committed, received)
