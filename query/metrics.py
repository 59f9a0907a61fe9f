"""The names of query's metrics, all in one place."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

READ_SECONDS: Final = Histogram(
    "query_read_seconds",
    "From a request to the beginning of its answer, by route.",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PROBLEMS: Final = Counter("query_problems", "Answers of the API that are errors, by code.", ["code"])
OPEN_STREAMS: Final = Gauge("query_open_streams", "Live streams that are open.")
STREAM_RESETS: Final = Counter("query_stream_resets", "Streams told to read their timeline again.")
LISTENER_RECONNECTS: Final = Counter("query_listener_reconnects", "Times the listening connection was lost.")
