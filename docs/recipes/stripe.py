"""Stripe's webhooks as contact events. Environment: BASE_URL, API_KEY, STRIPE_SECRET (the endpoint's whsec_...).

flask --app stripe run --port 5000, and let Stripe send invoice.paid, invoice.payment_failed, ... to /webhooks/stripe.
"""  # noqa: INP001 - a program by itself

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from datetime import UTC, datetime

from flask import Flask, Response, request

from contact_events import Client, InvalidEventError, UnavailableError

NAMES = {
    "invoice.paid": "charge_succeeded",
    "invoice.payment_failed": "charge_failed",
    "customer.subscription.deleted": "subscription_ended",
}
KEPT = ("amount_due", "amount_paid", "currency", "number", "attempt_count", "cancel_at_period_end")
TOLERANCE = 300
"""Seconds. An older signature may be somebody's recording."""


def signed(body: bytes, header: str, secret: str) -> bool:
    """Check `t=1717756200,v1=5257a869...`; there may be several v1 while the secret is being changed."""
    parts = [part.partition("=")[::2] for part in header.split(",")]
    moment = next((value for key, value in parts if key == "t"), "")
    wanted = hmac.digest(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hex()
    fresh = moment.isdecimal() and abs(time.time() - int(moment)) < TOLERANCE
    return fresh and any(key == "v1" and hmac.compare_digest(value, wanted) for key, value in parts)


def create_app(client: Client | None = None, secret: str | None = None) -> Flask:
    """Make the app. The spool keeps what was taken through a crash, so that 200 is a promise."""
    app = Flask("stripe")
    key = secret or os.environ["STRIPE_SECRET"]
    events = client or Client(os.environ["BASE_URL"], os.environ["API_KEY"], spool="/var/lib/stripe-events")

    @app.post("/webhooks/stripe")
    def webhook() -> Response:
        body = request.get_data()
        if not signed(body, request.headers.get("Stripe-Signature", ""), key):
            return Response("wrong signature", 401)
        event = json.loads(body)
        about, name = event["data"]["object"], NAMES.get(event["type"])
        if name is None or not about.get("customer"):
            return Response("not recorded", 200)
        try:
            events.track(
                events.contact(external_id=about["customer"]),  # cus_...; made the first time, found from then on
                name,
                {field: about[field] for field in KEPT if field in about},
                event_id=f"stripe-{event['id']}",  # the same when it is sent again
                occurred_at=datetime.fromtimestamp(event["created"], UTC),
            )
        except (UnavailableError, InvalidEventError) as error:
            return Response(str(error), 503)  # Stripe sends it again, for three days
        return Response("recorded", 200)

    return app
