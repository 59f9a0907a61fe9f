"""Which partition of the topic holds a contact's records.

Kafka's default partitioner hashes the record key, but our keys are unique per record, so every producer sets the
partition itself: murmur2 (as in Kafka's Java client, `org.apache.kafka.common.utils.Utils.murmur2`) over the UTF-8 of
`workspace_id/contact_id`. `schemas/partitioning.json` publishes test vectors for consumers in other languages.
"""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=65_536)
def contact_hash(workspace_id: int, contact_id: int) -> int:
    """Hash a contact to a non-negative 31-bit number. Cached: the hash is pure Python and contacts come in runs."""
    return int(murmur2(f"{workspace_id}/{contact_id}".encode())) & 0x7FFFFFFF


def contact_partition(workspace_id: int, contact_id: int, partitions: int) -> int:
    """Tell the partition (0-based) of a contact in a topic of `partitions` partitions."""
    return contact_hash(workspace_id, contact_id) % partitions


def workspace_partition(workspace_id: int, partitions: int) -> int:
    """Tell the partition of the records that belong to a workspace and to no contact: the one of `workspace_id/-`."""
    return workspace_hash(workspace_id) % partitions


def workspace_hash(workspace_id: int) -> int:
    """Hash a workspace to a non-negative 31-bit number."""
    return int(murmur2(f"{workspace_id}/-".encode())) & 0x7FFFFFFF
