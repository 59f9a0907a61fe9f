"""One shop's life, simulated: what follows from what, and after how long. A pure function of its `Random`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from cli.demo import plans
from cli.demo.agenda import Agenda
from cli.demo.rhythm import chance
from cli.demo.routine import Routine, State

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from cli.demo.diary import Diary
    from cli.demo.story import Data, Json

TRIAL_DAYS: Final = 14
BILLING_PERIOD: Final = timedelta(days=30)
RETRY_AFTER: Final = timedelta(days=3)
ATTEMPTS: Final = 3


class Life:
    """`size` (0 to 1) is how big and busy the shop is, `luck` (0 to 1) how well it goes. Begins at `start`."""

    def __init__(self, random: Random, diary: Diary, start: datetime, *, size: float, luck: float) -> None:
        self._random = random
        self._diary = diary
        self._size = size
        self._luck = luck
        self._agenda = Agenda(random, diary.shop.zone, start)
        self._state = State()
        self._routine = Routine(random, self._agenda, diary, self._state, size)
        self._installed_at = start
        self._invoice_number = random.randrange(1_000, 60_000)

    def newcomer(self, end: datetime) -> None:
        """Live the life of a shop that installs the app now."""
        source = self._random.choice(("app_store", "app_store", "referral", "partner", "ad_campaign"))
        self._agenda.after(timedelta(), partial(self._install, source))
        self._agenda.run(end)

    def settled(self, state: State, installed_at: datetime, end: datetime) -> None:
        """Live on as a customer of long standing, somewhere in a billing period."""
        self._state.plan, self._state.features = state.plan, state.features
        self._state.orders, self._state.theme = state.orders, state.theme
        self._installed_at = installed_at
        self._agenda.after(BILLING_PERIOD * self._random.random(), self._bill)
        self._daily_life()
        self._agenda.run(end)

    def _daily_life(self) -> None:
        self._routine.begin()
        self._agenda.soon(1, self._outgrow)
        self._agenda.soon(30 + 250 * self._luck, self._lose_patience)

    def _install(self, source: str) -> None:
        self._installed_at = self._agenda.now
        shopify_plan = self._random.choices(("basic", "grow", "advanced", "plus"), (5, 3, 2, self._size))[0]
        self._happened("shop_installed", source=source, shopify_plan=shopify_plan)
        self._agenda.after(timedelta(minutes=self._random.randrange(2, 15)), self._start_trial)

    def _start_trial(self) -> None:
        self._state.plan = "trial"
        self._happened("trial_started", plan="pro", trial_days=TRIAL_DAYS)
        self._set(plan="trial")
        self._agenda.after(timedelta(days=TRIAL_DAYS), self._end_trial)
        self._routine.set_up()
        self._daily_life()

    def _end_trial(self) -> None:
        converts = chance(self._random, 0.35 + 0.6 * self._luck)
        self._happened("trial_ended", plan="pro", outcome="converted" if converts else "expired")
        if converts:
            chosen = self._random.choices(("starter", "pro", "scale"), (5, 4, self._size))[0]
            self._agenda.after(timedelta(seconds=20), partial(self._move_to, chosen, "trial_converted"))
            self._agenda.after(timedelta(minutes=1), self._bill)
            return
        self._state.plan = "free"
        self._set(plan="free", mrr=0)
        self._agenda.after(BILLING_PERIOD, self._bill)
        if chance(self._random, 0.6):
            self._agenda.soon(4, partial(self._uninstall, "trial_expired"))

    def _move_to(self, plan: str, reason: str) -> None:
        old = self._state.plan or "free"
        delta = plans.PRICES[plan] - plans.PRICES.get(old, 0)
        name = "plan_upgraded" if delta > 0 else "plan_downgraded"
        self._happened(name, from_plan=old, to_plan=plan, mrr_delta=delta, currency=plans.CURRENCY, reason=reason)
        self._set(plan=plan, mrr=plans.PRICES[plan], order_count=self._state.orders)
        self._state.plan = plan

    def _bill(self, attempt: int = 1) -> None:
        amount = plans.PRICES.get(self._state.plan or "", 0)
        if not amount:
            self._agenda.after(BILLING_PERIOD, self._bill)
            return
        if attempt == 1:
            self._invoice_number += self._random.randrange(1, 40)
        charge: Data = {"amount": amount, "currency": plans.CURRENCY, "invoice": f"INV-{self._invoice_number}"}
        if chance(self._random, (0.4 if attempt == 1 else 0.6) * (1 - self._luck)):
            reason = self._random.choice(("card_declined", "insufficient_funds", "expired_card", "shop_frozen"))
            self._happened("charge_failed", **charge, attempt=attempt, reason=reason)
            self._set(billing="past_due")
            self._after_failure(attempt)
            return
        self._happened("charge_succeeded", **charge, attempt=attempt)
        self._set(billing="paid", order_count=self._state.orders)
        self._agenda.after(BILLING_PERIOD, self._bill)

    def _after_failure(self, attempt: int) -> None:
        if attempt < ATTEMPTS:
            self._agenda.after(RETRY_AFTER, partial(self._bill, attempt + 1))
        elif chance(self._random, 0.7):
            self._agenda.after(timedelta(minutes=5), self._fall_to_free)
        else:
            self._agenda.after(timedelta(hours=9), partial(self._uninstall, "payment_failed"))

    def _fall_to_free(self) -> None:
        if self._state.plan != "free":
            self._move_to("free", "payment_failed")
        self._set(billing=None)
        self._agenda.after(BILLING_PERIOD, self._bill)

    def _outgrow(self) -> None:
        plan = self._state.plan or "free"
        target = plans.higher(plan) if plan in plans.ORDER_LIMITS else None
        if target is not None and self._state.orders >= plans.ORDER_LIMITS[plan]:
            limit = plans.ORDER_LIMITS[plan]
            self._happened("usage_limit_reached", limit="orders_per_month", allowed=limit, plan=plan)
            if chance(self._random, 0.5 + 0.4 * self._luck):
                self._agenda.soon(1, partial(self._upgrade, plan, target))
            self._agenda.soon(25, self._outgrow)
        else:
            self._agenda.soon(1, self._outgrow)

    def _upgrade(self, plan: str, target: str) -> None:
        if self._state.plan == plan:  # unless it has changed since
            self._move_to(target, "usage_limit_reached")

    def _lose_patience(self) -> None:
        lower = plans.lower(self._state.plan) if self._state.plan in {"pro", "scale"} else None
        if lower is not None and chance(self._random, 0.5):
            self._move_to(lower, self._random.choice(("too_expensive", "season_over", "unused_features")))
            self._agenda.soon(60, self._lose_patience)
        else:
            reasons = ("switched_app", "too_expensive", "shop_closed", "missing_feature", "other")
            self._uninstall(self._random.choice(reasons))

    def _uninstall(self, reason: str) -> None:
        days = (self._agenda.now - self._installed_at).days
        self._happened("shop_uninstalled", reason=reason, plan=self._state.plan, days_installed=days)
        self._set(plan="none", mrr=0, billing=None, features=None)
        self._agenda.clear()
        self._state.plan, self._state.features = None, []
        if chance(self._random, 0.3):
            self._agenda.soon(12, partial(self._install, "reinstall"))

    def _happened(self, name: str, /, **properties: Json) -> None:
        self._diary.happened(self._agenda.now, name, properties)

    def _set(self, **custom_data: Json) -> None:
        self._diary.changed(self._agenda.now, custom_data)
