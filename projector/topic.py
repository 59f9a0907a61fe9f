"""Ask Kafka which topic this is, and where its log begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from projector.position_table import Topic

if TYPE_CHECKING:
    from kafka import KafkaAdminClient


class TopicMissingError(Exception):
    """The topic is not there (yet)."""


def describe_topic(admin: KafkaAdminClient, name: str) -> Topic:
    """Describe the topic; raise TopicMissingError while it does not exist."""
    (described,) = admin.describe_topics([name])
    partitions: list[Any] = described["partitions"]
    if described["error_code"] or not partitions:
        raise TopicMissingError(f"topic {name} does not exist; make it with `contact-events topic create`")
    cluster_id = admin.describe_cluster()["cluster_id"]
    return Topic(name, UUID(str(described["topic_id"])), str(cluster_id), len(partitions))
