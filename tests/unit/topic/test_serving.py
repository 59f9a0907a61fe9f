"""The contract's files are served in front of every service, and nothing beside them."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from werkzeug.test import Client

from cli.serve import combine
from runtime.service import Service
from schemas.asyncapi import document
from schemas.published import ROOT, Published
from schemas.record_classes import TYPES


@pytest.fixture
def client() -> Client:
    service = Service(app=Flask("stand-in"), checks={}, close=lambda: None)
    return Client(combine({"query": service}))


def test_the_document_and_all_that_it_refers_to(client: Client) -> None:
    answer = client.get("/schemas/asyncapi.json")
    assert answer.content_type == "application/json"
    assert json.loads(answer.data) == document(Published())
    for name in ("partitioning.json", *(f"record_types/{type_}.json" for type_ in TYPES)):
        assert client.get(f"/schemas/{name}").data == (ROOT / name).read_bytes()


def test_the_list_leads_to_every_file(client: Client) -> None:
    listed = client.get("/schemas/").text.split()
    assert "/schemas/published/contact.event.recorded.v1/1.json" in listed
    assert {client.get(path).status_code for path in listed} == {200}


@pytest.mark.parametrize("path", ["records.py", "../pyproject.toml", "%2e%2e/pyproject.toml", "migrations", "x.json"])
def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert client.get(f"/schemas/{path}").status_code == 404
