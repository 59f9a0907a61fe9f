from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from cli.topic import ensure_topic
from runtime.kafka import build_admin
from schemas.topic import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaAdminClient

    from tests.parts import Parts


@pytest.fixture
def admin(stack: Parts) -> Iterator[KafkaAdminClient]:
    admin = build_admin(stack.bootstrap_servers, "tests")
    yield admin
    admin.close()


def test_a_new_topic_has_the_settings_of_the_contract(admin: KafkaAdminClient, topic: str) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    settings = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    assert {key: settings[key]["value"] for key in settings_for(1)} == settings_for(1)


def test_an_existing_topic_is_left_as_it_is(admin: KafkaAdminClient, topic: str) -> None:
    assert "there already" in ensure_topic(admin, topic, 3, 1)


def test_another_number_of_partitions_is_refused(admin: KafkaAdminClient, topic: str) -> None:
    with pytest.raises(click.ClickException, match="has 3 partitions, PARTITIONS says 4"):
        ensure_topic(admin, topic, 4, 1)


def test_a_topic_that_deletes_is_refused(admin: KafkaAdminClient, topic: str) -> None:
    name = f"{topic}-deleting"
    admin.create_topics({name: {"num_partitions": 3, "replication_factor": 1}})
    try:
        with pytest.raises(click.ClickException, match=r"cleanup\.policy=delete"):
            ensure_topic(admin, name, 3, 1)
    finally:
        admin.delete_topics([name])
