from __future__ import annotations

import pytest

from runtime.settings import SettingsError, SettingsReader


def test_all_problems_are_reported_together() -> None:
    reader = SettingsReader({"PORT": "80 80", "LOG_FORMAT": "xml", "SECRET_KEY": "short"})
    reader.text("DATABASE_URL")
    reader.integer("PORT", 8080, low=1, high=65_535)
    reader.choice("LOG_FORMAT", "json", ["json", "text"])
    reader.text("SECRET_KEY", min_length=32)
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    assert caught.value.problems == [
        "DATABASE_URL is not set",
        "PORT is '80 80', should be a whole number from 1 to 65535",
        "LOG_FORMAT is 'xml', should be one of json, text",
        "SECRET_KEY has 5 characters, at least 32 are needed",
    ]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "²", "8080.0", "1e3"])
def test_a_number_outside_its_range_is_a_problem(port: str) -> None:
    reader = SettingsReader({"PORT": port})
    reader.integer("PORT", 8080, low=1, high=65_535)
    with pytest.raises(SettingsError):
        reader.finish()


def test_defaults_fill_what_is_absent_or_empty() -> None:
    reader = SettingsReader({"TOPIC": ""})
    assert reader.text("TOPIC", "contact-events") == "contact-events"
    assert reader.integer("PORT", 8080, low=1, high=65_535) == 8080
    reader.finish()
