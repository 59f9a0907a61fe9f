"""What the demo prints at its end: what came of the sending, a timeline as text, and what to do next."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.demo import stars
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cli.demo.sending import Sent
    from cli.demo.story import ShopStory

WORTH_LOOKING_AT = (
    (stars.UPGRADED, "upgraded two days ago, now asks about two charges"),
    (stars.IN_TROUBLE, "three failed charges, then the fall to the free plan"),
    (stars.POWER_USER, "busy every day, enables features by the dozen"),
)
SHOWN = 12
"""Events of the printed timeline."""


def counts(sent: Sent) -> Iterator[str]:
    """Say how much was accepted, and how much of it was new."""
    contacts = len(sent.contact_ids)
    yield f"Contacts  {contacts:>5} accepted  {sent.created:>5} new  {contacts - sent.created:>5} known already"
    yield f"Events    {sent.accepted:>5} accepted  {sent.new_events:>5} new  {sent.duplicates:>5} duplicates"


def timeline(story: ShopStory, contact_id: int, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write a timeline as text, newest first, in the shop's own time."""
    shop = story.shop
    yield f"{shop.owner} · {shop.title}, {shop.city} · {shop.external_id} · contact {contact_id}"
    yield "  " + "  ".join(
        f"{key}: {_value(value)}" for key, value in sorted(story.final_data.items()) if not isinstance(value, list)
    )
    day = ""
    for event in events:
        moment = datetime.fromisoformat(event["occurred_at"]).astimezone(shop.zone)
        if (today := f"{moment:%a %d %b}") != day:
            day = today
            yield f"  {day}"
        properties = "  ".join(f"{key}: {_value(value)}" for key, value in event["properties"].items())
        yield f"    {moment:%H:%M}  {event['name']:<20} {properties}"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pages(sign_in: Callable[[str], str], contact_ids: Mapping[str, int], helpdesk_url: str | None) -> Iterator[str]:
    """List the pages to open; the links sign their reader in for twelve hours."""
    yield "Open in a browser (each link signs you in for twelve hours):"
    yield ""
    yield "  Home"
    yield f"    {sign_in('/')}"
    for external_id, why in WORTH_LOOKING_AT:
        yield f"  {why[0].upper()}{why[1:]}"
        yield f"    {sign_in(f'/contacts/{contact_ids[external_id]}')}"
    if helpdesk_url:
        yield "  A helpdesk with the sidebar beside a conversation"
        yield f"    {helpdesk_url}"
    else:
        yield "  A helpdesk with the sidebar beside a conversation: `contact-events demo helpdesk`"


def curl(base_url: str, api_key: str, contact_id: int, now: datetime) -> Iterator[str]:
    """Write a request that the reader can paste, whose event then appears on the open profile."""
    moment = now.replace(microsecond=0)
    event = {
        "id": f"by-hand-{moment:%Y%m%dT%H%M%SZ}",
        "name": "feature_enabled",
        "occurred_at": format_time(moment),
        "properties": {"feature": "slack_digest", "via": "curl"},
    }
    yield "With that first profile open, paste this and see the event arrive. Paste it again: still one event."
    yield ""
    yield f"  curl {base_url}/api/v1/contacts/{contact_id}/events \\"
    yield f"    -H 'Authorization: Bearer {api_key}' \\"
    yield "    -H 'Content-Type: application/json' \\"
    yield f"    -d '{json.dumps(event)}'"
