from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from schemas.positions import Position

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.integration.query.rows import Rows

PATHS = ["contacts", "contacts/{}", "contacts/{}/events", "contacts/{}/event-summary", "contacts/{}/sidebar",
         "contacts/{}/event-export", "event-names"]  # fmt: skip


def ahead(rows: Rows, by: int = 1) -> str:
    now = rows.position
    return Position(now.topic_id, now.partition, now.offset + by).encode()


@pytest.mark.parametrize("path", PATHS)
def test_a_position_that_is_reached_is_answered_at_once(client: FlaskClient, rows: Rows, path: str) -> None:
    contact = rows.contact()

    answer = client.get(f"/api/v1/{path.format(contact)}", query_string={"position": rows.position.encode()})

    assert answer.status_code == 200


def test_a_position_that_is_not_reached_is_waited_for_two_seconds(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    began = time.monotonic()

    answer = client.get(f"/api/v1/contacts/{contact}/events", query_string={"position": ahead(rows)})

    assert (answer.status_code, answer.get_json()["code"]) == (503, "position_not_reached")
    assert answer.headers["Retry-After"] == "1"
    assert time.monotonic() - began >= 2


@pytest.mark.parametrize("path", PATHS)
def test_a_position_reached_meanwhile_is_answered_from_tables_that_have_it(
    client: FlaskClient, rows: Rows, path: str
) -> None:
    contact = rows.contact()
    position, began = ahead(rows), threading.Event()

    def write() -> None:
        began.wait(10)
        rows.event(contact, "written", event_id="written")

    writer = threading.Thread(target=write)
    writer.start()
    began.set()
    answer = client.get(f"/api/v1/{path.format(contact)}", query_string={"position": position})
    writer.join()

    assert answer.status_code == 200
    if "events" in path or "export" in path:
        assert '"id":"written"' in answer.get_data(as_text=True)


def test_a_position_of_another_topic_is_its_own_error(client: FlaskClient, rows: Rows) -> None:
    position = Position(uuid4(), 0, 0).encode()

    answer = client.get(f"/api/v1/contacts/{rows.contact()}/events", query_string={"position": position})

    assert (answer.status_code, answer.get_json()["code"]) == (409, "position_of_another_topic")


def test_a_text_that_is_no_position_is_a_fault(client: FlaskClient, rows: Rows) -> None:
    answer = client.get(f"/api/v1/contacts/{rows.contact()}/events", query_string={"position": "AAAA"})

    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "invalid_position")
