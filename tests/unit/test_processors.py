from __future__ import annotations

import pytest

from cli.processors import share_out


@pytest.mark.parametrize(
    ("processors", "workers", "shares"),
    [
        ({0, 1}, 1, [{0, 1}]),
        ({0, 1}, 2, [{0}, {1}]),
        ({4, 5, 6, 7, 8}, 2, [{4, 6, 8}, {5, 7}]),
        ({2, 3}, 5, [{2}, {3}, {2}, {3}, {2}]),
    ],
)
def test_each_worker_has_its_share(processors: set[int], workers: int, shares: list[set[int]]) -> None:
    assert [share_out(processors, worker, workers) for worker in range(workers)] == shares
