"""Send contact events from a Python app: never blocks, drops none silently, counts none twice.

import contact_events

client = contact_events.Client("https://events.example.com", "YOUR_API_KEY")
client.track(17, "plan_upgraded", {"from_plan": "starter", "to_plan": "pro"})
"""

from contact_events.aio import AsyncClient
from contact_events.client import Client, Status
from contact_events.errors import (
    ApiError,
    ClientClosedError,
    ContactEventsError,
    InvalidEventError,
    QueueFullError,
    SpoolError,
    UnavailableError,
)
from contact_events.outcomes import Accepted, DeliveryCallback, Fault, Outcome, Rejected, Undelivered
from contact_events.version import __version__

__all__ = [
    "Accepted",
    "ApiError",
    "AsyncClient",
    "Client",
    "ClientClosedError",
    "ContactEventsError",
    "DeliveryCallback",
    "Fault",
    "InvalidEventError",
    "Outcome",
    "QueueFullError",
    "Rejected",
    "SpoolError",
    "Status",
    "UnavailableError",
    "Undelivered",
    "__version__",
]
