"""Who appears in the demo: invented shops and owners all over the world, at domains that nobody can own (RFC 2606)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cli.demo.story import Data, Shop

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shop is, and what people are called there."""

    country: str
    city: str
    zone: str
    weight: int
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


_PLACES: Final = (
    Place("US", "Portland", "America/Los_Angeles", 5, ("Dana", "Marcus", "Riley", "Tessa", "Owen", "June"),
          ("Whitaker", "Delgado", "Brooks", "Hale", "Nguyen", "Pruitt")),
    Place("US", "Chicago", "America/Chicago", 4, ("Andre", "Kelsey", "Omar", "Nina", "Grant", "Paige"),
          ("Kowalski", "Freeman", "Barrett", "Ochoa", "Lindgren", "Vance")),
    Place("US", "Brooklyn", "America/New_York", 5, ("Simone", "Eli", "Naomi", "Theo", "Carmen", "Jonah"),
          ("Rosen", "Baptiste", "Calloway", "Marino", "Adler", "Cho")),
    Place("CA", "Montréal", "America/Toronto", 3, ("Chloé", "Mathieu", "Aïcha", "Étienne"),
          ("Tremblay", "Gagnon", "Bouchard", "Lavoie")),
    Place("GB", "Leeds", "Europe/London", 4, ("Imogen", "Callum", "Priya", "Rhys", "Hattie"),
          ("Ashworth", "Okafor", "Pemberton", "Llewellyn", "Shah")),
    Place("DE", "Leipzig", "Europe/Berlin", 3, ("Jörg", "Annika", "Emre", "Käthe", "Lars"),
          ("Brückner", "Aydin", "Schäfer", "Weiß", "Krause")),
    Place("FR", "Lyon", "Europe/Paris", 2, ("Inès", "Baptiste", "Maëlle", "Rémi"),
          ("Chevalier", "Fournier", "Lefèvre", "Garnier")),
    Place("SE", "Göteborg", "Europe/Stockholm", 2, ("Elsa", "Björn", "Saga", "Nils"),
          ("Åkesson", "Nyström", "Hedlund", "Sjöberg")),
    Place("ES", "Valencia", "Europe/Madrid", 2, ("Lucía", "Iker", "Begoña", "Álvaro"),
          ("Navarro", "Peña", "Ibáñez", "Soler")),
    Place("BR", "Curitiba", "America/Sao_Paulo", 2, ("Thaís", "João", "Renata", "Caio"),
          ("Araújo", "Moreira", "Gonçalves", "Prado")),
    Place("AU", "Melbourne", "Australia/Melbourne", 3, ("Matilda", "Lachlan", "Zoe", "Angus"),
          ("Fitzgerald", "Nolan", "Papadakis", "Tran")),
    Place("JP", "Kyoto", "Asia/Tokyo", 2, ("Haruka", "Kenji", "Yui", "Sōta"),
          ("Morimoto", "Tanabe", "Kuroda", "Ishii")),
    Place("IN", "Pune", "Asia/Kolkata", 2, ("Ananya", "Rohan", "Meera", "Vikram"),
          ("Deshpande", "Kulkarni", "Menon", "Bhatt")),
    Place("ZA", "Cape Town", "Africa/Johannesburg", 1, ("Lindiwe", "Pieter", "Thandi", "Anika"),
          ("Dlamini", "van Wyk", "Mokoena", "Jacobs")),
)  # fmt: skip
_FIRST_WORDS: Final = (
    "Copper", "Juniper", "Harbor", "Velvet", "Saffron", "Little", "Wild", "Paper", "Salt", "Golden", "Quiet", "Maple",
    "Linen", "Cobalt", "Sunday", "Ember", "Willow", "Nimble", "Rust", "Marble", "Clover", "Lantern",
)  # fmt: skip
_SECOND_WORDS: Final = (
    "Pine", "Ceramics", "Coffee Roasters", "Outfitters", "Apothecary", "Goods", "Cycles", "Stationery", "Tea House",
    "Denim", "Candle Co", "Pet Supply", "Skincare", "Garden", "Vinyl", "Climbing", "Bakehouse", "Knits", "Toys",
    "Lamps",
)  # fmt: skip


def slug(text: str) -> str:
    """Write a text so that it can stand in a domain or an email address."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in plain).split())


def shop(external_id: str, owner: str, title: str, place: tuple[str, str, str]) -> Shop:
    """Put a shop together; `place` is country, city and time zone."""
    country, city, zone = place
    domain = f"{slug(title)}.example"
    email = f"{slug(owner.split(maxsplit=1)[0])}@{domain}"
    return Shop(external_id, owner, email, title, domain, country, city, ZoneInfo(zone))


def invent_shops(random: Random, count: int, others: Collection[Shop]) -> list[Shop]:
    """Invent shops whose external ids, titles and owners appear once, and not among the other shops."""
    titles = [f"{first} {second}" for first in _FIRST_WORDS for second in _SECOND_WORDS]
    taken = {other.external_id for other in others}
    numbers = [number for number in range(20_000, 70_000) if f"shop-{number}" not in taken]
    weights = [place.weight for place in _PLACES]
    shops: list[Shop] = []
    owners = {other.owner for other in others}
    for title, number in zip(random.sample(titles, count), random.sample(numbers, count), strict=True):
        owner = ""
        while not owner or owner in owners:
            place = random.choices(_PLACES, weights)[0]
            owner = f"{random.choice(place.first_names)} {random.choice(place.last_names)}"
        owners.add(owner)
        shops.append(shop(f"shop-{number}", owner, title, (place.country, place.city, place.zone)))
    return shops


def first_data(shop: Shop, *, plan: str, mrr: int, theme: str, order_count: int) -> Data:
    """Put together the custom data with which a shop's contact is created."""
    return {
        "shop": shop.title,
        "domain": shop.domain,
        "country": shop.country,
        "city": shop.city,
        "plan": plan,
        "mrr": mrr,
        "order_count": order_count,
        "theme": theme,
    }
