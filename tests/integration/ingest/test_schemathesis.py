"""The live write API against its own description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import urllib3

from tests.integration.description import PATHS, THOROUGHLY, check, served

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = "25" if THOROUGHLY else "15"
EXCLUDED_CHECKS = {
    # JSON Schema cannot say all of the rules: U+0000 and lone surrogates anywhere, the 64-bit range of every number,
    # times up to a day ahead of now, 32 kB of text, an id in body and header alike. Such requests are refused with 422.
    "positive_data_acceptance",
}
OPERATIONS = [one for path in PATHS.values() for one in path.values() if "Writing" in one.get("tags", [])]


def test_the_live_service_keeps_its_description(environment: dict[str, str], api_key: str, tmp_path: Path) -> None:
    with served("ingest", environment) as url:
        headers = {"Authorization": f"Bearer {api_key}"}
        body = {"external_id": "shop-1"}
        assert urllib3.request("POST", f"{url}/api/v1/contacts", json=body, headers=headers).status == 201
        options = ("--include-tag", "Writing", "--max-examples", EXAMPLES)
        check(url, api_key, tmp_path, *options, without=EXCLUDED_CHECKS, operations=len(OPERATIONS))
