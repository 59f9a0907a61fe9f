"""Each recipe, run as it stands, against the live system: what is sent twice counts once, what is forged not at all."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from contact_events import Client
from tests.integration.running import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from tests.integration.running import Running

RECIPES = ROOT / "docs" / "recipes"
SECRET = "a secret of the tests"


@pytest.fixture
def client(running: Running, tmp_path: Path) -> Iterator[Client]:
    with Client(running.url, running.api_key, spool=tmp_path / "spool") as client:
        yield client


def app_of(name: str, client: Client) -> FlaskClient:
    spec = importlib.util.spec_from_file_location(f"recipe_{name}", RECIPES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: FlaskClient = module.create_app(client, SECRET).test_client()
    return made


def timeline(running: Running, external_id: str, number: int) -> list[dict[str, Any]]:
    """Read a contact's timeline once it has so many events; none more may come."""
    with Client(running.url, running.api_key) as client:
        contact_id = client.contact(external_id=external_id)
    wait_until(lambda: len(running.timeline(contact_id)) >= number, f"{number} events are shown")
    return running.timeline(contact_id)


def test_shopify(running: Running, client: Client) -> None:
    app = app_of("shopify", client)
    body = json.dumps({"order_number": 1001, "total_price": "409.94", "currency": "EUR", "email": "x@y.z"}).encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {
        "X-Shopify-Topic": "orders/paid",
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Shop-Domain": "fjord-fern.myshopify.com",
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Triggered-At": "2026-06-07T10:30:00.123456789Z",
    }
    for _ in range(2):
        assert app.post("/webhooks/shopify", data=body, headers=headers).status_code == 200
    assert app.post("/webhooks/shopify", data=body + b" ", headers=headers).status_code == 401
    other = app.post("/webhooks/shopify", data=body, headers=headers | {"X-Shopify-Topic": "themes/update"})
    assert other.text == "not recorded"
    assert client.flush(60)
    (event,) = timeline(running, "fjord-fern.myshopify.com", 1)
    assert (event["id"], event["name"]) == ("shopify-b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", "order_paid")
    assert event["occurred_at"] == "2026-06-07T10:30:00.123456Z"
    assert event["properties"] == {"order_number": 1001, "total_price": "409.94", "currency": "EUR"}


def test_stripe(running: Running, client: Client) -> None:
    app = app_of("stripe", client)
    invoice = {"object": "invoice", "customer": "cus_9s6XKzkNRiz8i3", "amount_due": 2900, "currency": "eur"}
    event = {"id": "evt_1", "type": "invoice.payment_failed", "created": 1_780_828_200, "data": {"object": invoice}}

    def send(body: bytes, moment: int, secret: str = SECRET) -> int:
        signature = hmac.digest(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hex()
        headers = {"Stripe-Signature": f"t={moment},v1=00ff,v1={signature}"}
        return app.post("/webhooks/stripe", data=body, headers=headers).status_code

    body, now = json.dumps(event).encode(), int(time.time())
    assert [send(body, now), send(body, now - 200)] == [200, 200]
    assert [send(body, now - 301), send(body, now, "another")] == [401, 401]
    assert app.post("/webhooks/stripe", data=body).status_code == 401
    assert send(json.dumps(event | {"type": "payout.paid"}).encode(), now) == 200
    assert client.flush(60)
    (shown,) = timeline(running, "cus_9s6XKzkNRiz8i3", 1)
    assert (shown["id"], shown["name"]) == ("stripe-evt_1", "charge_failed")
    assert shown["occurred_at"] == "2026-06-07T10:30:00Z"
    assert shown["properties"] == {"amount_due": 2900, "currency": "eur"}


def test_a_webhook_is_not_confirmed_while_its_contact_cannot_be_made(
    running: Running, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of("stripe", client)
    running.kill_server()
    contact = client.contact
    monkeypatch.setattr(client, "contact", lambda **fields: contact(**fields, timeout=0.5))
    event = {"id": "e", "type": "invoice.paid", "created": 1_780_828_200, "data": {"object": {"customer": "cus_1"}}}
    body, now = json.dumps(event).encode(), int(time.time())
    signature = hmac.digest(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hex()
    answer = app.post("/webhooks/stripe", data=body, headers={"Stripe-Signature": f"t={now},v1={signature}"})
    assert answer.status_code == 503


def test_backfill(running: Running, tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    orders = [
        (1, "shop-17", "2026-06-06T23:59:59+00:00", 10.5, "EUR"),
        (2, "shop-17", "2026-06-07T00:00:00+00:00", 20.0, "EUR"),
        (3, "shop-18", "2026-06-07T23:59:59+00:00", 30.0, "SEK"),
        (4, "shop-18", "2026-06-08T00:00:00+00:00", 40.0, "SEK"),
    ]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER, shop TEXT, placed_at TEXT, total REAL, currency TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
    environment = os.environ | {
        "BASE_URL": running.url,
        "API_KEY": running.api_key,
        "PYTHONPATH": str(ROOT / "sdk/python/src"),
    }
    command = [sys.executable, str(RECIPES / "backfill.py"), str(database)]
    for day in ("2026-06-07", "2026-06-07", "2026-06-08"):
        done = subprocess.run(
            [*command, day], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
    assert [event["id"] for event in timeline(running, "shop-17", 1)] == ["order-2"]
    assert [event["id"] for event in timeline(running, "shop-18", 2)] == ["order-4", "order-3"]


def test_git_hook(running: Running, client: Client, tmp_path: Path) -> None:
    missing = [tool for tool in ("git", "jq", "curl") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    contact_id = client.contact(external_id="site-17")
    server, work = tmp_path / "site.git", tmp_path / "work"
    environment = os.environ | {"BASE_URL": running.url, "API_KEY": running.api_key, "CONTACT_ID": str(contact_id)}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "error" not in done.stderr, done.stderr

    git("init", "-q", "--bare", str(server))
    shutil.copy(RECIPES / "post-receive", server / "hooks" / "post-receive")
    git("init", "-q", "-b", "main", str(work))
    for number, subject in enumerate(('New "shop" page', "Größer", "Third"), 1):
        git("-C", str(work), "commit", "-q", "--allow-empty", "-m", subject, "--date", "2026-06-07T10:30:00Z")
        if number > 1:
            git("-C", str(work), "push", "-q", str(server), "main")
    git("-C", str(work), "push", "-q", str(server), "main:other")
    shown = timeline(running, "site-17", 3)
    assert {event["properties"]["subject"] for event in shown} == {'New "shop" page', "Größer", "Third"}
    assert {(event["name"], event["properties"]["author"]) for event in shown} == {("commit_pushed", "Ada")}
    assert len(shown) == 3
