"""A rebuilt set of tables takes the place of the live one while readers go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from schemas.migrations.runner import DIRECTORY, PROJECTION, migrate, read_migrations
from tests.integration.query.rows import TOPIC_ID

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows


def names(client: FlaskClient) -> tuple[str, list[str]]:
    """Read a name by two ways: through the tables, and through the search function."""
    profile = client.get("/api/v1/contacts/1").get_json()
    found = client.get("/api/v1/contacts", query_string={"query": "ada"}).get_json()
    return profile["name"], [contact["name"] for contact in found["data"]]


def test_readers_see_the_new_set_after_a_swap(client: FlaskClient, rows: Rows, database_url: str) -> None:
    assert rows.contact(name="Ada Old") == 1
    for _ in range(8):  # until the statements are prepared on the readers' connections
        assert names(client) == ("Ada Old", ["Ada Old"])

    with psycopg.connect(database_url, autocommit=True) as owner:
        migrate(owner, read_migrations(DIRECTORY / PROJECTION), "projection_next")
        owner.execute(
            "INSERT INTO projection_next.positions (log_partition, topic_id, cluster_id, next_offset, generation)"
            " VALUES (0, %s, 'cluster', 100, 2)",
            [TOPIC_ID],
        )
        owner.execute("INSERT INTO projection_next.contacts SELECT * FROM projection.contacts")
        owner.execute("UPDATE projection_next.contacts SET name = 'Ada New'")
        with owner.transaction():
            owner.execute("ALTER SCHEMA projection RENAME TO projection_before")
            owner.execute("ALTER SCHEMA projection_next RENAME TO projection")

    for _ in range(8):
        assert names(client) == ("Ada New", ["Ada New"])
    deadline = time.monotonic() + 120
    position = client.get("/api/v1/contacts/1/events").get_json()["position"]
    while client.get("/api/v1/contacts/1", query_string={"position": position}).status_code != 200:
        assert time.monotonic() < deadline
