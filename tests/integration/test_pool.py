"""The pool lends what came back last, so that few server processes stay at it and keep their caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.postgres import build_pool

if TYPE_CHECKING:
    from tests.parts import Parts


def test_the_connection_that_came_back_last_is_lent_first(stack: Parts) -> None:
    with build_pool(stack.database_url("postgres"), max_size=3) as pool:
        lent = [pool.getconn() for _ in range(3)]
        for connection in lent:
            pool.putconn(connection)

        for _ in range(5):
            with pool.connection() as connection:
                assert connection is lent[-1]
                with pool.connection() as another:
                    assert another is lent[-2]


def test_a_connection_that_died_while_it_was_not_lent_is_replaced(stack: Parts) -> None:
    with build_pool(stack.database_url("postgres"), max_size=1) as pool:
        with pool.connection() as connection:
            pid = connection.info.backend_pid
        connection.close()

        with pool.connection() as replaced:
            assert replaced.info.backend_pid != pid
            assert replaced.execute("SELECT 1").fetchone() == (1,)
