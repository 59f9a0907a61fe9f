"""The contacts worth looking at: lives told by hand, each with a reason to write to the helpdesk today."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from cli.demo import cast, plans, work
from cli.demo.diary import Diary
from cli.demo.rhythm import chance, working_moment

if TYPE_CHECKING:
    from cli.demo.story import Data, Json, Shop, ShopStory

UPGRADED: Final = "shop-48213"
IN_TROUBLE: Final = "shop-30977"
POWER_USER: Final = "shop-51544"
NEWCOMER: Final = "shop-66120"
RETURNER: Final = "shop-27406"


class _Script:
    """Writes a diary in days before the end."""

    def __init__(self, end: datetime, shop: Shop, **first: Json) -> None:
        self._end = end
        data: Data = cast.first_data(shop, plan="none", mrr=0, theme="Dawn", order_count=0)
        self.shop = shop
        self.diary = Diary(shop, end, data | first)
        self._random = Random(shop.external_id)  # noqa: S311 - a story, not a secret

    def ago(self, days: float, minutes: float = 0) -> datetime:
        """Tell the moment so many days before the end, and minutes after that."""
        return self._end - timedelta(days=days) + timedelta(minutes=minutes)

    def event(self, days: float, minutes: float, name: str, /, **properties: Json) -> None:
        self.diary.happened(self.ago(days, minutes), name, properties)

    def set(self, days: float, **custom_data: Json) -> None:
        self.diary.changed(self.ago(days), custom_data)

    def charge(self, days: float, amount: float, invoice: str, *, failed: str | None = None, attempt: int = 1) -> None:
        properties: Data = {"amount": amount, "currency": plans.CURRENCY, "invoice": invoice, "attempt": attempt}
        if failed:
            self.event(days, 0, "charge_failed", **properties, reason=failed)
        else:
            self.event(days, 0, "charge_succeeded", **properties)
        self.set(days, billing="past_due" if failed else "paid")

    def move(self, days: float, old: str, new: str, reason: str, *, minutes: float = 0) -> None:
        delta = plans.PRICES[new] - plans.PRICES.get(old, 0)
        name = "plan_upgraded" if delta > 0 else "plan_downgraded"
        self.event(
            days, minutes, name, from_plan=old, to_plan=new, mrr_delta=delta, currency=plans.CURRENCY, reason=reason
        )
        self.set(days, plan=new, mrr=plans.PRICES[new])

    def burst(self, days: float, minutes: float, name: str, features: tuple[str, ...], **more: Json) -> None:
        for place, feature in enumerate(features):
            self.event(days, minutes + place * 0.7, name, feature=feature, **more)

    def routine(self, first: float, last: float, pause: float, size: float) -> None:
        """Everyday events between two days, some about every `pause` days; the bigger the shop, the more at once."""
        kinds, weights = zip(*work.EVERYDAY, strict=True)
        moment = working_moment(self._random, self.shop.zone, self.ago(first), pause)
        while moment < self.ago(last):
            kind = self._random.choices(kinds, weights)[0]
            self.diary.happened(moment, kind.__name__, kind(self._random, size))
            if chance(self._random, size * 0.7):
                moment += timedelta(seconds=self._random.randrange(200, 2_400))
            else:
                moment = working_moment(self._random, self.shop.zone, moment, pause)


def _start(script: _Script, days: float, source: str) -> None:
    script.event(days, 0, "shop_installed", source=source, shopify_plan="grow")
    script.event(days, 4, "trial_started", plan="pro", trial_days=14)
    script.set(days, plan="trial")


def upgraded(end: datetime) -> ShopStory:
    """Tell of an upgrade two days ago; now its owner wonders about two charges."""
    place = ("SE", "Göteborg", "Europe/Stockholm")
    script = _Script(end, cast.shop(UPGRADED, "Maya Lindqvist", "Fjord & Fern", place))
    _start(script, 83, "referral")
    script.event(83, 26, "import_finished", source="shopify", products=1_240)
    script.burst(83, 41, "feature_enabled", plans.FEATURES[:5], via="onboarding")
    script.set(83, features=sorted(plans.FEATURES[:5]), theme="Horizon")
    script.event(69, 0, "trial_ended", plan="pro", outcome="converted")
    script.move(69, "trial", "starter", "trial_converted", minutes=1)
    for number, days in enumerate((69 - 0.002, 39, 9)):
        script.charge(days, 19, f"INV-{20_311 + 97 * number}")
    script.routine(82, 3, 4, 0.3)
    script.event(3, 0, "usage_limit_reached", limit="orders_per_month", allowed=300, plan="starter")
    script.move(2.02, "starter", "pro", "usage_limit_reached")
    script.charge(2.019, 35, "INV-20604")
    script.set(2.01, order_count=312)
    return script.diary.story()


def in_trouble(end: datetime) -> ShopStory:
    """Fell to the free plan after three failed charges on an expired card."""
    place = ("FR", "Lyon", "Europe/Paris")
    shop = cast.shop(IN_TROUBLE, "Théo Marchand", "Atelier Marlow", place)
    features = ("auto_reorder", "bundle_stock", "landed_cost", "low_stock_alerts", "supplier_portal")
    script = _Script(end, shop, plan="pro", mrr=69, order_count=1_180, theme="Craft", features=[*features])
    script.charge(67.2, 69, "INV-8840")
    script.charge(37.2, 69, "INV-9127")
    script.event(52, 0, "theme_published", theme="Studio", previous_theme="Craft")
    script.set(52, theme="Studio")
    script.routine(90, 2, 3, 0.4)
    for attempt, days in enumerate((7.2, 4.2, 1.2), start=1):
        script.charge(days, 69, "INV-9408", failed="expired_card", attempt=attempt)
    script.move(1.2, "pro", "free", "payment_failed", minutes=5)
    script.burst(1.2, 6, "feature_disabled", features[:3] + features[4:], reason="plan_limit")
    script.set(1.2, features=["low_stock_alerts"], order_count=1_206)
    script.event(0.2, 0, "usage_limit_reached", limit="orders_per_month", allowed=50, plan="free")
    return script.diary.story()


def power_user(end: datetime) -> ShopStory:
    """Works with everything, every day, and enables things by the dozen."""
    shop = cast.shop(POWER_USER, "Haruka Morimoto", "Kumo Stationery", ("JP", "Kyoto", "Asia/Tokyo"))
    script = _Script(end, shop, plan="pro", mrr=69, order_count=1_640, theme="Sense", stores=3)
    script.routine(91, 0.3, 0.5, 0.9)
    for number, days in enumerate((81, 51)):
        script.charge(days, 69, f"INV-5{number}118")
    script.burst(74, 0, "feature_enabled", plans.FEATURES[:6], via="settings")
    script.event(45, 0, "usage_limit_reached", limit="orders_per_month", allowed=2_000, plan="pro")
    script.move(44, "pro", "scale", "usage_limit_reached")
    script.burst(44, 18, "feature_enabled", plans.FEATURES[6:], via="settings")
    script.set(44, features=sorted(plans.FEATURES), order_count=2_090)
    script.charge(21, 199, "INV-52118")
    script.event(20, 0, "review_posted", stars=5, text="I could not run five stores without it.")
    stores = ("Kyoto Teramachi", "Kyoto Kawaramachi", "Osaka Umeda", "Kobe Motomachi", "Tokyo Kuramae")
    for days, feature in ((12, "pos_sync"), (5, "expiry_dates"), (1, "barcode_labels")):
        for number, store in enumerate(stores):
            script.event(days, number * 2, "feature_enabled", feature=feature, location=store, via="api")
    script.set(1, stores=5, order_count=3_475)
    return script.diary.story()


def newcomer(end: datetime) -> ShopStory:
    """Installed yesterday, and the first import went half wrong."""
    shop = cast.shop(NEWCOMER, "Callum Shah", "Peak & Pannier", ("GB", "Leeds", "Europe/London"))
    script = _Script(end, shop)
    _start(script, 1.1, "app_store")
    script.event(1.1, 31, "import_finished", source="csv", products=640, failed_rows=212)
    script.event(1.1, 48, "import_finished", source="csv", products=640, failed_rows=209)
    script.burst(1, 0, "feature_enabled", ("barcode_labels", "low_stock_alerts"), via="onboarding")
    script.set(1, features=["barcode_labels", "low_stock_alerts"])
    return script.diary.story()


def returner(end: datetime) -> ShopStory:
    """Left for a missing feature, and is back since it exists."""
    shop = cast.shop(RETURNER, "Lucía Navarro", "Casa Naranja", ("ES", "Valencia", "Europe/Madrid"))
    script = _Script(end, shop, theme="Taste")
    _start(script, 70, "partner")
    script.event(56, 0, "trial_ended", plan="pro", outcome="converted")
    script.move(56, "trial", "starter", "trial_converted", minutes=1)
    script.charge(56 - 0.002, 19, "INV-31877")
    script.routine(69, 35, 5, 0.2)
    script.event(
        34, 0, "shop_uninstalled", reason="missing_feature", feature="expiry_dates", plan="starter", days_installed=36
    )
    script.set(34, plan="none", mrr=0, billing=None)
    _start(script, 3, "reinstall")
    script.burst(3, 20, "feature_enabled", ("expiry_dates",), via="settings")
    script.set(2.9, features=["expiry_dates"], order_count=88)
    return script.diary.story()


STARS: Final = (upgraded, in_trouble, power_user, newcomer, returner)
