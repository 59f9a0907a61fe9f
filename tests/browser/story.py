"""The story that every sample workspace tells: contacts worth a screenshot, and the odd ones."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

    from tests.browser.sample import Sample

ZONE = ZoneInfo("Europe/Berlin")
"""Where the sample's agents and their browsers are."""

ONGOING, EMPTY, SINGLE, LONG, HEBREW, EMOJI, BUSY, HOSTILE = 17, 18, 19, 20, 21, 22, 23, 24
HOSTILE_TEXTS = (
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 1">',
    "'-window.hit--'",
    "<svg/onload=window.hit=1>",
    "javascript:window.hit=1",
    "{{ 7 * 7 }}${window.hit=1}",
    "</textarea></title></style><iframe srcdoc='<script>parent.hit=1</script>'>",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
)


def tell(sample: Sample) -> None:
    """Give the workspace its contacts and their events."""
    _ongoing(sample)
    _edges(sample)
    others = (
        (31, "Jonas Meyer", "jonas@velo-meyer.example", "plan_upgraded", 0.6),
        (32, "Priya Raghunathan", "priya@chaiandco.example", "trial_ended", 1.5),
        (33, "Tom Okafor", "tom@okafor-books.example", "order_synced", 3),
        (34, "Camille Laurent", "camille@atelier-laurent.example", "feature_enabled", 5),
        (35, "Harbor & Pine Wholesale", "wholesale@harborandpine.example", "invoice_paid", 26),
        (36, "Lucía Fernández", "lucia@flores.example", "shop_uninstalled", 49),
        (37, "Mikkel Sørensen", "mikkel@nordlys.example", "plan_downgraded", 75),
    )
    for contact_id, name, email, event, hours in others:
        sample.add_contact(contact_id, name=name, email=email)
        sample.add(contact_id, event, timedelta(hours=hours))


def on_one_day(now: datetime, latest: timedelta, span: timedelta) -> timedelta:
    """Give a stretch that ends `latest` before now, or later where midnight would part it: a run is of one day."""
    end = (now - latest).astimezone(ZONE)
    return latest if (now - latest - span).astimezone(ZONE).date() == end.date() else latest - span


def _ongoing(sample: Sample) -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    sample.add_contact(
        ONGOING,
        name="Amelia Fischer",
        email="amelia@harborandpine.example",
        external_id="shop_8842",
        custom_data={
            "plan": "pro",
            "mrr": 79,
            "order_count": 1482,
            "billing_status": "past due",
            "store_url": "harborandpine.example",
            "country": "DE",
            "features": ["bundles", "wholesale", "pos"],
            "owner": {"name": "Amelia Fischer", "locale": "de-DE"},
            "beta": True,
            "coupon": "HARBOR10",
        },
        changed={
            "plan": sample.now - 2 * day,
            "mrr": sample.now - 2 * day,
            "order_count": sample.now - 1 * hour,
            "billing_status": sample.now - 2 * hour,
        },
    )
    add = sample.add
    add(ONGOING, "order_synced", 0.4 * hour, {"order": "#20931", "total": 129.5, "currency": "EUR", "items": 3})
    add(
        ONGOING,
        "charge_failed",
        2.2 * hour,
        {
            "amount": 79.00,
            "currency": "EUR",
            "reason": "card_declined",
            "attempt": 2,
            "card": {"brand": "visa", "last4": "4242"},
        },
    )
    add(ONGOING, "support_article_viewed", 2.6 * hour, {"title": "Why was my card declined?"})
    latest = on_one_day(sample.now, 1 * day + 2 * hour, hour)
    for index, name in enumerate(["bundles", "wholesale", "pos", "subscriptions", "gift_cards", "returns"]):
        add(ONGOING, "feature_enabled", latest + index * 0.11 * hour, {"feature": name, "enabled_by": "amelia"})
    add(
        ONGOING,
        "charge_failed",
        1 * day + 4 * hour,
        {"amount": 79.00, "currency": "EUR", "reason": "card_declined", "attempt": 1},
    )
    add(ONGOING, "plan_upgraded", 2 * day, {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50, "annual": False})
    add(
        ONGOING,
        "seat_added",
        2 * day + 3 * hour,
        {"from_seats": 3, "to_seats": 5, "invited": ["jo@harborandpine.example", "max@harborandpine.example"]},
    )
    add(ONGOING, "invoice_paid", 6 * day, {"total": 29.00, "currency": "EUR", "invoice": "INV-2211"}, late=3 * day)
    add(ONGOING, "trial_ended", 60 * day, {"converted": True})
    add(ONGOING, "plan_upgraded", 60 * day - 2 * hour, {"from_plan": "trial", "to_plan": "starter", "mrr_delta": 29})
    add(ONGOING, "trial_started", 74 * day, {"days": 14})
    add(ONGOING, "shop_installed", 74 * day + 0.2 * hour, {"source": "app_store", "theme": "Dawn"})
    chance = random.Random(7)
    for index in range(96):
        before = day * chance.uniform(3, 73)
        name = chance.choices(
            ["order_synced", "login", "product_published", "charge_succeeded", "import_failed"], [40, 20, 14, 6, 3]
        )[0]
        by_name: dict[str, dict[str, Any]] = {
            "order_synced": {
                "order": f"#{20930 - index}",
                "total": round(chance.uniform(12, 320), 2),
                "currency": "EUR",
            },
            "login": {"device": chance.choice(["iPhone", "Chrome on Mac"])},
            "product_published": {"product": chance.choice(["Linen apron", "Oak board", "Wool throw", "Tea towel"])},
            "charge_succeeded": {"amount": 29.0, "currency": "EUR"},
            "import_failed": {"rows": 412, "error": "Column “SKU” is missing in line 1"},
        }
        add(ONGOING, name, before, by_name[name])


def _edges(sample: Sample) -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    sample.add_contact(EMPTY, name="Noor Haddad", email="noor@haddad.example", created_at=sample.now - 0.3 * hour)
    sample.add_contact(SINGLE, external_id="cus_QJ2m0x", custom_data={"plan": "free"})
    sample.add(SINGLE, "shop_installed", 9 * day, {"source": "app_store"})
    long_key = "a_property_with_a_very_long_name_that_nobody_should_have_chosen_but_somebody_did"
    sample.add_contact(
        LONG,
        name="Wolfeschlegelsteinhausenbergerdorff " * 3,
        email=f"{'long' * 20}@example.com",
        external_id="x" * 120,
        custom_data={
            long_key: "v" * 300,
            "notes": "First line\nSecond line\nThird line\nFourth line\nFifth line",
            "n": 12345678901234567890123456789,
        },
    )
    sample.add(
        LONG,
        "note_added",
        3 * hour,
        {"text": "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 900, long_key: 1.0},
    )
    sample.add(LONG, "n" * 128, 4 * hour, {"unbroken": "u" * 900, "many": {f"key_{n}": n for n in range(120)}})
    sample.add(
        LONG,
        "deep",
        5 * hour,
        {"a": {"b": {"c": {"d": [1, [2, [3, {"e": None}]]]}}}, "blank": "", "none": None, "list": [], "yes": True},
    )
    sample.add_contact(
        HEBREW,
        name="נועה בן־דוד",
        email="noa@example.co.il",
        external_id="חנות-12",
        custom_data={"תוכנית": "מקצועית", "plan": "مجاني", "city": "תל אביב (Tel Aviv)"},
    )
    sample.add(HEBREW, "תוכנית_שודרגה", hour, {"from_תוכנית": "חינם", "to_תוכנית": "מקצועית", "סכום": 49.90})
    sample.add(
        HEBREW, "plan_upgraded", 2 * hour, {"from_plan": "مجاني", "to_plan": "المحترف", "comment": "שלום, world! 123"}
    )
    sample.add_contact(
        EMOJI, name="🌻 Sunny & Co ☀️", email="hi@sunny.example", custom_data={"mood": "👩‍👩‍👧‍👦 great 🎉", "flag": "🇩🇪"}
    )
    sample.add(EMOJI, "🎉_party_started", hour, {"guests": "👩🏽‍🚀👨‍🍳", "theme": "🌈 rainbow", "cake": "🍰🍰🍰"})
    sample.add_contact(BUSY, name="Batch Import GmbH", email="ops@batch.example", custom_data={"plan": "scale"})
    for index in range(700):
        name = ["order_synced"] * 12 + ["stock_updated"] * 7 + ["sync_failed"] * 2 + ["login"]
        sample.add(BUSY, name[index % 22], timedelta(minutes=20 * index + 5), {"batch": index, "items": index % 9})
    sample.add_contact(
        HOSTILE,
        name=HOSTILE_TEXTS[0],
        email=HOSTILE_TEXTS[1],
        external_id=HOSTILE_TEXTS[2],
        custom_data={text: text for text in HOSTILE_TEXTS},
    )
    for index, text in enumerate(HOSTILE_TEXTS):
        sample.add(
            HOSTILE, text, hour * (index + 1), {text: text, "nested": {text: [text]}, "from_x": text, "to_x": text}
        )
