from __future__ import annotations

import pytest

from ingest.names import suggestion, warnings


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Plan Upgraded", "plan_upgraded"),
        ("planUpgraded", "plan_upgraded"),
        ("HTTPRequestFailed", "http_request_failed"),
        ("plan-upgraded", "plan_upgraded"),
        ("  Größe   geändert! ", "grosse_geandert"),
        ("📦", None),
        ("2fa_enabled", None),
    ],
)
def test_a_name_outside_the_convention_gets_a_suggestion(name: str, better: str | None) -> None:
    assert suggestion(name) == better
    (warning,) = warnings(name)
    assert warning["code"] == "unconventional_name"
    assert warning.get("suggestion") == better


def test_a_conventional_name_gets_no_warning() -> None:
    assert warnings("plan_upgraded") == []
