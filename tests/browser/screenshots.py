"""`python -m tests.browser.screenshots`: make the pictures of the docs, from the demo's quarter, always the same."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.demo.helpdesk import Helpdesk, build_helpdesk
from cli.demo.memory import SEED, Memory
from cli.demo.quarter import build_quarter
from tests.browser.chromium import launch
from tests.browser.sample import Sample
from tests.browser.server import SampleSite, serve, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from cli.demo.story import ShopStory

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
END: Final = datetime(2026, 11, 24, 13, tzinfo=UTC)
NOW: Final = END + timedelta(minutes=4)
WIDE, NARROW = (1280, 860), (360, 740)


def main() -> None:
    """Make them all."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    IMAGES.mkdir(parents=True, exist_ok=True)
    sample, memory = demo_sample()
    with serve(lambda: NOW, sample) as site, launch() as browser, helpdesk(site, memory) as desk:
        maya, theo, haruka = [f"{site.url}/contacts/{number}" for number in list(memory.contacts.values())[:3]]
        upgraded = next(event for event in sample.lives[1].events if event.name == "plan_upgraded")
        shoot(browser, site, "home", f"{site.url}/")
        shoot(browser, site, "profile", maya, scale=2)
        shoot(browser, site, "profile-dark", theo, dark=True)
        shoot(browser, site, "profile-runs", haruka)
        shoot(browser, site, "event", f"{maya}?event={upgraded.id}")
        shoot(browser, site, "profile-narrow", theo, size=NARROW)
        shoot(browser, site, "helpdesk", desk, scale=2)
        sample.add_contact(900, name="Noor Haddad", email="noor@haddad.example", created_at=NOW)
        shoot(browser, site, "empty", f"{site.url}/contacts/900", size=(1280, 400))


def demo_sample() -> tuple[Sample, Memory]:
    """Keep the demo's quarter in memory, as if each event had arrived when it happened."""
    sample, memory = Sample(NOW, empty=True), Memory(END)
    sample.name = "Shelfwise"
    for number, (external_id, story) in enumerate(build_quarter(SEED, END).stories.items(), 1):
        memory.contacts[external_id] = number
        _add(sample, number, story)
    return sample, memory


def _add(sample: Sample, number: int, story: ShopStory) -> None:
    created_at = min([event.occurred_at for event in story.events] + [END])
    changed = {key: change.at for change in story.changes for key in change.custom_data}
    sample.add_contact(
        number,
        external_id=story.shop.external_id,
        name=story.shop.owner,
        email=story.shop.email,
        custom_data=story.final_data,
        changed=changed,
        created_at=created_at,
    )
    for event in story.events:
        properties = json.loads(json.dumps(event.properties))
        late = event.sent_at - event.occurred_at
        sample.add(number, event.name, NOW - event.occurred_at, properties, late=late, event_id=event.id)


class _Mint:
    """What the helpdesk needs of the API: sidebar tokens."""

    def __init__(self, site: SampleSite) -> None:
        self._site = site

    def write(self, method: str, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - stands in for the API's answer
        assert (method, path) == ("POST", "/api/v1/sidebar-tokens")
        started_at = datetime.fromisoformat(body["conversation"]["started_at"])
        url = self._site.sidebar_url(body["contact_id"], started_at)
        return _Answer({"token": url.partition("#")[2], "url": url})


class _Answer:
    def __init__(self, body: dict[str, str]) -> None:
        self.body = body


@contextmanager
def helpdesk(site: SampleSite, memory: Memory) -> Iterator[str]:
    """Serve the demo's helpdesk beside the site; its address."""
    desk = Helpdesk(_Mint(site), site.url, lambda: memory)  # type: ignore[arg-type] # only tokens are asked for
    with serving(build_helpdesk(desk)) as server:
        address = f"http://127.0.0.1:{server.port}"  # one site with the frame, which else would be drawn coarsely
        site.sample.frame_ancestors = [address]
        yield address


def shoot(
    browser: Browser,
    site: SampleSite,
    name: str,
    address: str,
    *,
    dark: bool = False,
    size: tuple[int, int] = WIDE,
    scale: int = 1,
) -> None:
    """Take one picture."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        device_scale_factor=scale,
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
    )
    site.sign_in(context)
    page = context.new_page()
    page.clock.set_fixed_time(NOW)
    page.goto(address, wait_until="load")
    _settle(page)
    page.screenshot(path=IMAGES / f"{name}.png")
    context.close()


def _settle(page: Page) -> None:
    """Wait until nothing changes any more: a page of ours, or a frame with the panel in it."""
    if page.locator("iframe").count():
        page.frame_locator("iframe").locator(".panel").wait_for()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
