"""An app to be killed. Arguments: URL, key, spool, contact. Prints each id that `track` returned."""

from __future__ import annotations

import sys

from contact_events import Client

url, key, spool, contact = sys.argv[1:]
client = Client(url, key, spool=spool, batch_events=100)
number = 0
while True:
    number += 1
    print(client.track(int(contact), "plan_upgraded", {"number": number, "text": "größer"}), flush=True)  # noqa: T201
