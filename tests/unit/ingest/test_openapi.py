"""The API's description: up to date, valid, complete about errors, and readable without anything from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types

from cli.openapi import FILE, document_text
from ingest.app import ROUTES
from ingest.codes import FAULT_CODES, PROBLEM_CODES
from ingest.fields import JsonObject, JsonText
from ingest.openapi import EXAMPLES, RULES, rules_schema
from runtime.api_docs import docs_app
from runtime.authentication import utc_now

ROOT = Path(__file__).parents[3]


def test_the_checked_in_document_is_what_the_code_says() -> None:
    assert FILE.read_text(encoding="utf-8") == document_text(), "run `contact-events openapi`"


def test_every_route_of_ingest_is_described() -> None:
    paths = json.loads(document_text())["paths"]
    for method, path, _ in ROUTES:
        assert method.lower() in paths[re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)]


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(document_text())
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        found: Any = document
        for step in reference.split("/"):
            found = found[step]


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules.__name__)
def test_each_example_keeps_the_rules_and_the_schema(rules: Any) -> None:  # noqa: ANN401 - a class of rules
    schema = rules_schema(rules)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(EXAMPLES[rules.__name__])
    made = rules(utc_now)
    values = {
        name: JsonText(value, json.dumps(value)) if isinstance(made.fields[name], JsonObject) else value
        for name, value in EXAMPLES[rules.__name__].items()
    }
    assert made.load(values)


def test_every_code_in_the_source_is_explained() -> None:
    sources = [path for room in ("ingest", "runtime") for path in (ROOT / room).glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.name != "codes.py")
    problems = set(re.findall(r'Problem\(\s*[0-9]{3},\s*"([a-z0-9_]+)"', text))
    problems |= set(re.findall(r'unauthorized\(\s*"([a-z0-9_]+)"', text))
    problems |= set(re.findall(r'(?:UnreadableError|Unavailable)\(\s*"([a-z0-9_]+)"', text))
    faults = set(re.findall(r'(?:Rule|_BadNumber|broken)\(\s*"([a-z0-9_]+)"', text))
    faults |= set(re.findall(r'Fault\([^,()]*(?:\([^()]*\))?[^,()]*,\s*"([a-z0-9_]+)"', text))
    assert problems
    assert faults
    assert problems <= PROBLEM_CODES.keys()
    assert faults <= FAULT_CODES.keys() | {"conflict_error"}


def test_every_code_is_provoked_by_a_test() -> None:
    tests = [*(ROOT / "tests/integration/ingest").glob("*.py"), *(ROOT / "tests/unit/ingest").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    unprovoked = {code for code in PROBLEM_CODES.keys() | FAULT_CODES.keys() if f'"{code}"' not in text}
    assert not unprovoked


class _Outside(HTMLParser):
    """Collects what a page would fetch, and the anchors it has and points to."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [given[key] or "" for key in ("src", "data") if key in given]
        if tag in {"script", "link", "img", "iframe"}:
            self.fetched.append(tag)
        if "id" in given:
            self.anchors.add(given["id"] or "")
        if (given.get("href") or "").startswith("#"):
            self.targets.add((given["href"] or "")[1:])


def test_the_page_is_complete_by_itself() -> None:
    client = docs_app(document_text()).test_client()
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    page = _Outside()
    page.feed(answer.text)
    assert not page.fetched
    assert page.targets <= page.anchors
    assert "plan_upgraded" in answer.text
    for code in PROBLEM_CODES:
        assert code in answer.text
    assert client.get("/api/openapi.json").json == json.loads(document_text())
