"""`contact-events topic`: create the topic with the settings that the contract rests on, and look into it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from cli.topic_contract import contract
from cli.topic_describe import describe
from cli.topic_export import export
from cli.topic_import import import_
from cli.topic_tail import tail
from schemas.topic import settings_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kafka import KafkaAdminClient

SECONDS: Final = 15.0
"""For which a new topic may stay unknown to a broker."""


@click.group()
def topic() -> None:
    """Create the topic, look into it, and move events in and out."""


for _command in (contract, describe, export, import_, tail):
    topic.add_command(_command)


@topic.command()
@click.pass_obj
def create(environment: Mapping[str, str]) -> None:
    """Create the topic, or check that an existing one has the partitions and settings it must have."""
    from cli.settings import TopicCommandSettings
    from runtime.kafka import build_admin

    settings = TopicCommandSettings.read(environment)
    admin = build_admin(settings.bootstrap_servers, "contact-events-topic")
    try:
        click.echo(ensure_topic(admin, settings.topic, settings.partitions, settings.replication_factor))
    finally:
        admin.close()


def ensure_topic(admin: KafkaAdminClient, name: str, partitions: int, replication_factor: int) -> str:
    """Create the topic unless it is there; raise ClickException for one that differs where it must not."""
    from kafka.errors import TopicAlreadyExistsError

    wanted = {
        "num_partitions": partitions,
        "replication_factor": replication_factor,
        "configs": settings_for(replication_factor),
    }
    try:
        admin.create_topics({name: wanted}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        check_topic(admin, name, partitions)
        return f"The topic {name} is there already, as it should be."
    return f"created the topic {name} with {partitions} partitions"


def check_topic(admin: KafkaAdminClient, name: str, partitions: int) -> None:
    """Raise ClickException when an existing topic would break a promise of the contract."""
    from kafka.admin import ConfigResource, ConfigResourceType

    found = count_partitions(admin, name)
    if found != partitions:
        raise click.ClickException(
            f"The topic {name} has {found} partitions, PARTITIONS says {partitions}. Partitions of an existing topic "
            f"are never changed: a contact's records would part ways. Set PARTITIONS={found}, or use another TOPIC."
        )
    configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
    actual = {key: entry["value"] for key, entry in configs["topic"][name].items()}
    for key in ("cleanup.policy", "message.timestamp.type"):
        if actual.get(key) != settings_for(1)[key]:
            raise click.ClickException(
                f"The topic {name} has {key}={actual.get(key)}, the contract needs {settings_for(1)[key]}: with "
                "anything else the broker may delete events or refuse them. Change it with your Kafka tools, or use "
                "another TOPIC."
            )


def count_partitions(admin: KafkaAdminClient, name: str) -> int:
    """Ask how many partitions a topic has that is there, or was made a moment ago: brokers learn of it by and by."""
    deadline = time.monotonic() + SECONDS
    while True:
        (description,) = admin.describe_topics([name])
        if (found := len(description["partitions"])) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)
