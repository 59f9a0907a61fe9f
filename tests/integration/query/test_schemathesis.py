"""The live read API against its own description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.description import PATHS, THOROUGHLY, check, served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.query.rows import Rows

EXAMPLES = "30" if THOROUGHLY else "10"
STREAM = "/api/v1/contacts/{contact_id}/event-stream"
"""Has an answer that never ends; tests/integration/query/test_streams.py is about it."""

EXCLUDED_CHECKS = {
    # JSON Schema cannot say all of the rules: a cursor that we have signed, a position of this topic, a contact that is
    # there, a range that does not end before it begins. Such requests are refused with 400, 404 or 422.
    "positive_data_acceptance",
    # Asked for the methods of a path, query tells its own; those that write are ingest's, behind the same address.
    "allow_header_conformance",
}
READS = [path for path, methods in PATHS.items() if "get" in methods and path != STREAM]


def test_the_live_service_keeps_its_description(
    environment: dict[str, str], rows: Rows, api_key: str, tmp_path: Path
) -> None:
    rows.events(rows.contact(), 3)
    with served("query", environment) as url:
        options = ("--include-method", "GET", "--exclude-path", STREAM, "--max-examples", EXAMPLES)
        check(url, api_key, tmp_path, *options, without=EXCLUDED_CHECKS, operations=len(READS))
