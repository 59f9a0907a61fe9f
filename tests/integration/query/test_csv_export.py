"""The export as CSV: streamed page by page, filtered as the timeline is, with the columns of the newest events."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.integration.query.rows import NOON

if TYPE_CHECKING:
    import pytest
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.integration.query.rows import Rows


def export(client: FlaskClient, contact: int, **query: str) -> TestResponse:
    return client.get(f"/api/v1/contacts/{contact}/event-export", query_string={"format": "csv"} | query)


def table(answer: TestResponse) -> list[dict[str, str]]:
    text = answer.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_file_for_a_spreadsheet(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact, properties='{"plan": "pro", "mrr": 1.50, "note": "=1+1"}')

    answer = export(client, contact, time_zone="Europe/Berlin")

    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="contact-{contact}-events.csv"'
    assert answer.get_data().startswith(b"\xef\xbb\xbfoccurred at (Europe/Berlin),name,event id,")
    (row,) = table(answer)
    assert row["occurred at (Europe/Berlin)"] == "2026-06-07 14:00:00"
    assert (row["properties.mrr"], row["properties.note"]) == ("1.50", "'=1+1")


def test_all_pages_and_what_has_no_column(client: FlaskClient, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query.api.exports.EXPORT_PAGE", 3)
    contact = rows.contact()
    rows.event(contact, occurred_at=NOON - timedelta(days=1), properties='{"old": 1}')
    ids = rows.events(contact, 10)

    found = table(export(client, contact))

    assert [row["event id"] for row in found][:10] == ids[::-1]
    assert (found[-1]["properties.n"], found[-1]["other properties"]) == ("", '{"old":1}')


def test_filters_hold_and_an_empty_one_still_has_its_header(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact, "login")
    rows.event(contact, "logout")

    assert [row["name"] for row in table(export(client, contact, name="login"))] == ["login"]
    assert table(export(client, contact, name="nothing")) == []
    assert b"other properties" in export(client, contact, name="nothing").get_data()


def test_ndjson_stays_what_comes_unasked(client: FlaskClient, rows: Rows) -> None:
    contact = rows.contact()
    rows.event(contact)

    plain = client.get(f"/api/v1/contacts/{contact}/event-export")
    assert (plain.mimetype, plain.get_data()[:1]) == ("application/x-ndjson", b"{")
    assert export(client, contact, format="ndjson").get_data() == plain.get_data()
    answer = export(client, contact, format="xlsx")
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, "unknown_choice")
