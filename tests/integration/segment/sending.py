"""An app instrumented with Segment's own library for Python, unmodified: only host and write key are ours.

Sends so many tracks, with ids of its own making, and prints each id before it is sent, so that whoever kills it knows.
"""

from __future__ import annotations

import sys

from segment.analytics import Client


def main(url: str, key: str, number: int) -> None:
    """Track, flush, say so."""
    client = Client(key, host=url, upload_size=20, upload_interval=0.05, gzip=True, timeout=5)
    for each in range(number):
        sys.stdout.write(f"m-{each}\n")
        sys.stdout.flush()
        client.track(f"user-{each % 7}", "order_placed", {"number": each}, message_id=f"m-{each}")
    client.shutdown()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
