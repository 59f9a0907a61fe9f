"""What a shop does with the app on a working day: the everyday events between the turning points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.demo.plans import CURRENCY

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from cli.demo.story import Data

_SUPPLIERS: Final = (
    "Northgate Wholesale", "Oakline Trading", "Blue Heron Imports", "Pacific Crate", "Van Dijk & Zonen", "Casa Ribera",
    "Sakura Shōten", "Meridian Paper", "Tallow & Thread", "Kiln Street",
)  # fmt: skip
_LOCATIONS: Final = ("Main warehouse", "Shop floor", "Back room", "Pop-up", "Garage", "3PL East")
THEMES: Final = ("Dawn", "Horizon", "Craft", "Sense", "Crave", "Studio", "Ride", "Taste", "Refresh", "Spotlight")


def purchase_order_sent(random: Random, size: float) -> Data:
    """Order goods from a supplier."""
    lines = random.randrange(1, 4 + int(14 * size))
    total = round(lines * random.uniform(18, 140) * (1 + size), 2)
    return {"supplier": random.choice(_SUPPLIERS), "lines": lines, "total": total, "currency": CURRENCY}


def stocktake_completed(random: Random, size: float) -> Data:
    """Count what is there."""
    counted = random.randrange(20, 120 + int(2_000 * size))
    return {
        "location": random.choice(_LOCATIONS),
        "items_counted": counted,
        "adjustments": random.randrange(counted // 12 + 2),
    }


def report_exported(random: Random, size: float) -> Data:
    """Take figures out."""
    report = random.choice(("stock_value", "sell_through", "dead_stock", "purchase_history", "forecast"))
    return {
        "report": report,
        "format": random.choice(("csv", "xlsx", "pdf")),
        "rows": random.randrange(40, 400 + int(6_000 * size)),
    }


def import_finished(random: Random, size: float) -> Data:
    """Bring products in."""
    products = random.randrange(30, 200 + int(4_000 * size))
    failed = random.choice((0, 0, 0, 1, 3, products // 20))
    properties: Data = {"source": random.choice(("shopify", "shopify", "csv")), "products": products}
    return properties | {"failed_rows": failed} if failed else properties


def supplier_connected(random: Random, size: float) -> Data:  # noqa: ARG001 - all of one form
    """Bring a supplier into the portal."""
    return {"supplier": random.choice(_SUPPLIERS), "via": random.choice(("email", "edi", "portal"))}


def staff_invited(random: Random, size: float) -> Data:  # noqa: ARG001 - all of one form
    """Give a colleague access."""
    return {"role": random.choice(("buyer", "warehouse", "accountant", "admin"))}


EVERYDAY: Final[tuple[tuple[Callable[[Random, float], Data], int], ...]] = (
    (purchase_order_sent, 30),
    (stocktake_completed, 14),
    (report_exported, 14),
    (import_finished, 5),
    (supplier_connected, 5),
    (staff_invited, 3),
)
"""Each function is named as its event; the number says how often it happens beside the others."""
