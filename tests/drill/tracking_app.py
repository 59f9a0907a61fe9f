"""An app that tracks at a steady pace, to be killed. Arguments: URL, key, spool, contact, events a second.

Prints each id that `track` returned, at once, so that whoever kills the app knows what it was promised.
"""

from __future__ import annotations

import sys
import threading

from contact_events import Client


def main(url: str, key: str, spool: str, contact: int, rate: float) -> None:
    """Track until killed."""
    client = Client(url, key, spool=spool)
    pause = threading.Event()
    number = 0
    while True:
        number += 1
        sys.stdout.write(client.track(contact, "order_placed", {"number": number}) + "\n")
        sys.stdout.flush()
        pause.wait(1 / rate)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
