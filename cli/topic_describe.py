"""`contact-events topic describe`: what the topic is, how much is in it, and where a contact's records stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cli.topic_places import log_bounds
from cli.topic_reading import OpenTopic, opened

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.option("--contact", metavar="WORKSPACE/CONTACT", help="Also say in which partition a contact's records stand.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def describe(environment: Mapping[str, str], *, contact: str | None, as_json: bool) -> None:
    """Show the topic's identity, partitions, offsets, and its settings beside those of the contract."""
    from cli.settings import TopicCommandSettings
    from runtime.kafka import build_admin

    with opened(environment) as topic:
        admin = build_admin(TopicCommandSettings.read(environment).bootstrap_servers, "contact-events-topic")
        try:
            described = description(topic, admin)
        finally:
            admin.close()
    if contact:
        described["contact"] = {"contact": contact, "partition": partition_of(contact, topic.partitions)}
    click.echo(json.dumps(described, indent=1) if as_json else "\n".join(as_text(described)))


def description(topic: OpenTopic, admin: Any) -> dict[str, Any]:  # noqa: ANN401 - kafka-python ships no types
    """Ask the brokers."""
    from kafka.admin import ConfigResource, ConfigResourceType

    from schemas.topic import settings_for

    (found,) = admin.describe_topics([topic.name])
    configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)], config_filter="all")
    actual = {key: entry["value"] for key, entry in configs["topic"][topic.name].items()}
    begins, ends = log_bounds(topic.consumer, topic.name, range(topic.partitions))
    replicas = min(len(partition["replica_nodes"]) for partition in found["partitions"])
    partitions = [
        {
            "partition": partition["partition_index"],
            "leader": partition["leader_id"],
            "in_sync": len(partition["isr_nodes"]),
            "replicas": len(partition["replica_nodes"]),
            "first_offset": begins[partition["partition_index"]],
            "end_offset": ends[partition["partition_index"]],
        }
        for partition in sorted(found["partitions"], key=lambda partition: int(partition["partition_index"]))
    ]
    return {
        "topic": topic.name,
        "topic_id": str(found["topic_id"]),
        "cluster_id": str(admin.describe_cluster()["cluster_id"]),
        "partitions": partitions,
        "settings": {
            key: {"is": actual.get(key), "contract": wanted} for key, wanted in sorted(settings_for(replicas).items())
        },
    }


def as_text(described: Mapping[str, Any]) -> list[str]:
    """Write it for people."""
    partitions = described["partitions"]
    offsets = sum(each["end_offset"] - each["first_offset"] for each in partitions)
    lines = [
        f"topic    {described['topic']}  (id {described['topic_id']}, cluster {described['cluster_id']})",
        f"records  at most {offsets:,} in {len(partitions)} partitions; erased ones leave gaps",
        "",
        f"{'partition':>9} {'first':>12} {'end':>12} {'leader':>7} {'in sync':>8}",
    ]
    for each in partitions:
        in_sync = f"{each['in_sync']} of {each['replicas']}"
        line = f"{each['partition']:>9} {each['first_offset']:>12,} {each['end_offset']:>12,} {each['leader']:>7}"
        lines.append(f"{line} {in_sync:>8}")
    lines += ["", f"{'setting':<24} {'is':<16} contract"]
    for key, value in described["settings"].items():
        differs = "" if value["is"] == value["contract"] else "   differs"
        lines.append(f"{key:<24} {value['is']!s:<16} {value['contract']}{differs}")
    if contact := described.get("contact"):
        lines += ["", f"contact {contact['contact']} stands in partition {contact['partition']}"]
    return lines


def partition_of(contact: str, partitions: int) -> int:
    """Find a contact's partition."""
    from schemas.partitioning import contact_partition

    workspace, _, number = contact.partition("/")
    if not (workspace.isascii() and workspace.isdigit() and number.isascii() and number.isdigit()):
        raise click.UsageError(f"{contact!r} is not a contact such as 1/17")
    return contact_partition(int(workspace), int(number), partitions)
