"""The names of ingest's metrics, all in one place."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS: Final = Counter("ingest_events", "Events by what became of them.", ["outcome"])
PROBLEMS: Final = Counter("ingest_problems", "Answers that are errors, by code.", ["code"])
ACK_SECONDS: Final = Histogram(
    "ingest_ack_seconds",
    "From handing a request's records to the producer to the last acknowledgement.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
OUTSTANDING_BYTES: Final = Gauge("ingest_outstanding_bytes", "Bytes handed to the producer, not acknowledged yet.")
REFUSED_ADMISSIONS: Final = Counter("ingest_refused_admissions", "Requests refused because too much was outstanding.")
PRODUCER_REPLACEMENTS: Final = Counter("ingest_producer_replacements", "Producers replaced after an error.", ["reason"])
REPUBLISHED_CONTACTS: Final = Counter("ingest_republished_contacts", "Contacts whose creation the sweeper completed.")
SEGMENT_MESSAGES: Final = Counter(
    "ingest_segment_messages", "Messages at the Segment door, by type and by what became of them.", ["type", "outcome"]
)
LOST_REJECTIONS: Final = Counter("ingest_lost_rejections", "Rejections that the delivery log could not take.")
