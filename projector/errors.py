"""What can go wrong in the projector. A StopError ends the process, for a person to look; the rest is tried again."""

from __future__ import annotations

from typing import Final

from psycopg import errors

TIMED_OUT: Final = (errors.TransactionTimeout, errors.IdleInTransactionSessionTimeout)
"""The server's limits on a transaction. psycopg files them under InternalError, though they are faults of the world."""


class ProjectorError(Exception):
    """The base of them all."""


class StopError(ProjectorError):
    """Going on would lose or mix up records: the process ends, and says what to do."""


class TopicRecreatedError(StopError):
    """The topic, or the cluster, is not the one that the tables were made from."""


class PartitionCountChangedError(StopError):
    """The topic has another number of partitions than the tables know: contacts would part ways."""


class PositionOutsideLogError(StopError):
    """The log no longer holds, or never held, the offset that comes next."""


class DeadLetterBurstError(StopError):
    """So many records cannot be applied that the fault is more likely ours than theirs."""


class NotMigratedError(StopError):
    """The database lacks the tables of this version."""


class NewerVersionError(StopError):
    """The tables were made by a newer version of the fold than this program has."""


class UnavailableError(StopError):
    """Kafka or PostgreSQL stayed away for longer than we wait."""


class BusyError(ProjectorError):
    """Another rebuild or verify is at work on the same set of tables."""


class FencedError(ProjectorError):
    """Another projector has moved a position of ours: this one knows nothing any more and must join again."""
