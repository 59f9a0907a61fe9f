"""Shopify's webhooks as contact events. Environment: BASE_URL, API_KEY, SHOPIFY_SECRET (the app's client secret).

flask --app shopify run --port 5000, and let Shopify send app/uninstalled, orders/paid, ... to /webhooks/shopify.
"""  # noqa: INP001 - a program by itself

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from datetime import datetime

from flask import Flask, Response, request

from contact_events import Client, InvalidEventError, UnavailableError

NAMES = {"app/uninstalled": "shop_uninstalled", "orders/paid": "order_paid", "app_subscriptions/update": "plan_changed"}
KEPT = ("order_number", "total_price", "currency")


def create_app(client: Client | None = None, secret: str | None = None) -> Flask:
    """Make the app. The spool keeps what was taken through a crash, so that 200 is a promise."""
    app = Flask("shopify")
    key = (secret or os.environ["SHOPIFY_SECRET"]).encode()
    events = client or Client(os.environ["BASE_URL"], os.environ["API_KEY"], spool="/var/lib/shopify-events")

    @app.post("/webhooks/shopify")
    def webhook() -> Response:
        body = request.get_data()
        signature = base64.b64encode(hmac.digest(key, body, hashlib.sha256)).decode()
        if not hmac.compare_digest(signature, request.headers.get("X-Shopify-Hmac-Sha256", "")):
            return Response("wrong signature", 401)
        name = NAMES.get(request.headers["X-Shopify-Topic"])
        if name is None:
            return Response("not recorded", 200)  # anything else than 200, and Shopify would send it again
        shop, said = request.headers["X-Shopify-Shop-Domain"], json.loads(body)
        try:
            contact_id = events.contact(external_id=shop)  # made the first time, found from then on
            events.track(
                contact_id,
                name,
                {field: said[field] for field in KEPT if field in said},
                event_id=f"shopify-{request.headers['X-Shopify-Webhook-Id']}",  # the same when it is sent again
                occurred_at=datetime.fromisoformat(request.headers["X-Shopify-Triggered-At"]),
            )
        except (UnavailableError, InvalidEventError) as error:
            return Response(str(error), 503)  # Shopify sends it again, for two days
        return Response("recorded", 200)

    return app
