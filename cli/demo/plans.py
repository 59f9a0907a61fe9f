"""What the demo's app sells: an inventory app for Shopify shops, billed in US dollars a month."""

from __future__ import annotations

from typing import Final

APP: Final = "Shelfwise"
CURRENCY: Final = "USD"

PRICES: Final = {"free": 0, "starter": 19, "pro": 69, "scale": 199}
ORDER_LIMITS: Final = {"free": 50, "starter": 300, "pro": 2_000, "scale": 20_000}
LADDER: Final = tuple(PRICES)

FEATURES: Final = (
    "low_stock_alerts",
    "back_in_stock_emails",
    "barcode_labels",
    "bundle_stock",
    "auto_reorder",
    "supplier_portal",
    "demand_forecast",
    "multi_location",
    "pos_sync",
    "landed_cost",
    "expiry_dates",
    "slack_digest",
)


def higher(plan: str) -> str | None:
    """Name the next plan up, if there is one."""
    place = LADDER.index(plan) + 1
    return LADDER[place] if place < len(LADDER) else None


def lower(plan: str) -> str | None:
    """Name the next plan down, if there is one."""
    place = LADDER.index(plan) - 1
    return LADDER[place] if place >= 0 else None
