"""The whole quarter: a pure function of a seed and the hour at which it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from cli.demo import plans, work
from cli.demo.cast import first_data, invent_shops
from cli.demo.diary import Diary
from cli.demo.life import Life
from cli.demo.rhythm import chance, working_moment
from cli.demo.routine import State
from cli.demo.stars import STARS
from cli.demo.story import Quarter, Shop, ShopStory

SHOPS: Final = 200
LENGTH: Final = timedelta(days=91)
NEWCOMERS: Final = 0.6
"""The share of shops that install the app within the quarter; the others were customers before it."""


def build_quarter(seed: int, end: datetime) -> Quarter:
    """Tell the quarter that ends at `end` (aware). The same seed and end give the same ids and values."""
    stars = [star(end) for star in STARS]
    random = Random(seed)  # noqa: S311 - a story, not a secret
    shops = invent_shops(random, SHOPS - len(stars), [story.shop for story in stars])
    stories = [*stars, *(_live(seed, shop, end) for shop in shops)]
    return Quarter(end, {story.shop.external_id: story for story in stories})


def _live(seed: int, shop: Shop, end: datetime) -> ShopStory:
    random = Random(f"{seed}/{shop.external_id}")  # noqa: S311 - its own, so that no shop's life changes another's
    start = end - LENGTH
    size = random.betavariate(2, 4)
    luck = random.betavariate(4, 2)
    if chance(random, NEWCOMERS):
        theme = random.choice(work.THEMES)
        diary = Diary(shop, end, first_data(shop, plan="none", mrr=0, theme=theme, order_count=0))
        # Working moments lie up to four days ahead, and every shop should at least have its installation to show.
        when = working_moment(random, shop.zone, start + (LENGTH - timedelta(days=5)) * random.random(), 0)
        Life(random, diary, when, size=size, luck=luck).newcomer(end)
        return diary.story()
    plan = random.choices(plans.LADDER, (2, 5, 4, 1))[0]
    features = random.sample(plans.FEATURES, random.randrange(1, 6))
    orders = random.randrange(plans.ORDER_LIMITS[plan] // 4, plans.ORDER_LIMITS[plan])
    state = State(plan, features, orders, random.choice(work.THEMES))
    data = first_data(shop, plan=plan, mrr=plans.PRICES[plan], theme=state.theme, order_count=orders)
    diary = Diary(shop, end, data | {"features": sorted(features)})
    installed_at = start - timedelta(days=random.randrange(30, 700))
    Life(random, diary, start, size=size, luck=luck).settled(state, installed_at, end)
    return diary.story()
