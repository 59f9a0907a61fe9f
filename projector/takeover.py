"""Take partitions over from an owner that is frozen inside its transaction.

Such an owner holds the fence's row locks, its server process waits for it, and no server timeout ends that for sure.
Who may own a partition is the consumer group's decision; this only removes what keeps the new owner from its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import conninfo, sql

if TYPE_CHECKING:
    from collections.abc import Collection

APPLICATION_NAME: Final = "contact-events projector"

# A row's xmax is the transaction that has locked it, so this finds exactly the backends in the way, and nobody else's.
_TERMINATE: Final = sql.SQL("""
    SELECT pg_terminate_backend(l.pid)
    FROM {positions} p
         JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = p.xmax AND l.granted
         JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE p.log_partition = ANY(%(partitions)s::integer[])
      AND a.application_name = %(application_name)s AND a.pid <> %(own_pid)s
""")


def terminate_blockers(url: str, schema: str, partitions: Collection[int], own_pid: int) -> int:
    """End the transactions of other projectors that hold locks on these positions; return how many.

    `url` is the login's own, without a role set: ending a session needs the rights of the login that opened it.
    """
    statement = _TERMINATE.format(positions=sql.Identifier(schema, "positions"))
    parameters = {"partitions": list(partitions), "application_name": APPLICATION_NAME, "own_pid": own_pid}
    with psycopg.connect(conninfo.make_conninfo(url, connect_timeout=2), autocommit=True) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(statement, parameters).fetchall()
    return sum(1 for row in rows if row[0])
