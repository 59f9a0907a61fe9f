"""`python -m tests.browser.screenshots`: make the docs' pictures, of the real thing with the demo's quarter in it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.demo.helpdesk import Helpdesk, build_helpdesk
from cli.demo.memory import Memory
from schemas.times import format_time
from tests.browser.chromium import launch
from tests.browser.quarter import write_quarter
from tests.browser.running import let_frame, sign_in_link
from tests.browser.server import serving
from tests.e2e.system import running_system
from tests.parts import start_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, StorageState

    from tests.e2e.system import System

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
WIDE, NARROW = (1280, 860), (360, 740)


def main() -> None:
    """Make them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "parts").mkdir()
        (Path(folder) / "system").mkdir()
        parts = start_parts(Path(folder) / "parts")
        try:
            with running_system(parts, Path(folder) / "system", "Shelfwise") as system, launch() as browser:
                end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
                noor = {"external_id": "shop-1", "name": "Noor Haddad", "email": "noor@haddad.example"}
                empty = int(system.api.write("POST", "/api/v1/contacts", noor).body["id"])
                memory = Memory(end, contacts=write_quarter(system, end, first_id=empty + 1))
                with helpdesk(system, memory) as desk:
                    shoot_all(Camera(browser, system), system, [*memory.contacts.values()][:3], empty, desk)
        finally:
            parts.stop()


def shoot_all(camera: Camera, system: System, stars: list[int], empty: int, desk: str) -> None:
    """Take every picture."""
    maya, theo, haruka = stars
    events = system.api.get(f"/api/v1/contacts/{maya}/events", name="plan_upgraded").body["data"]
    camera.shoot("home", "/")
    camera.shoot("profile", f"/contacts/{maya}", scale=2)
    camera.shoot("profile-dark", f"/contacts/{theo}", dark=True)
    then = format_time(datetime.now(UTC).replace(microsecond=0) - timedelta(days=1))
    camera.shoot("then", f"/contacts/{maya}?changes=1&as_of={then}")
    camera.shoot("profile-runs", f"/contacts/{haruka}")
    camera.shoot("event", f"/contacts/{maya}?event={events[0]['id']}")
    camera.shoot("profile-narrow", f"/contacts/{theo}", size=NARROW)
    camera.shoot("helpdesk", desk, scale=2)
    camera.shoot("empty", f"/contacts/{empty}", size=(1280, 400))
    shoot_catalogue(camera, system)


def shoot_catalogue(camera: Camera, system: System) -> None:
    """Say what a workspace would of its names, and take pictures of that."""
    said: dict[str, dict[str, object]] = {
        "plan_upgraded": {"description": "The shop moved to a larger plan.", "pinned": True},
        "charge_failed": {"description": "A payment for the subscription did not go through."},
        "trial_ended": {"description": "Fourteen days are over, with or without a plan.", "tone": "neutral"},
    }
    for name, change in said.items():
        system.api.write("PATCH", f"/api/v1/event-names/{name}", change, f"shot-{name}")
    shop = {"external_id": "shop-names", "name": "Tea & Twine"}
    contact = system.api.write("POST", "/api/v1/contacts", shop).body["id"]
    now = format_time(datetime.now(UTC))
    events = [
        {"contact_id": contact, "id": f"shot-{number}", "name": name, "occurred_at": now}
        | {"properties": {"from_plan": "starter", "to_plan": "pro", "mrr_delta": "50"}}
        for number, name in enumerate(["plan_upgarded", "Plan Upgraded", "plan_upgraded"])
    ]
    items = system.api.write_batch(events)
    for item in items:
        system.api.get("/api/v1/event-names", position=item["position"])
    camera.shoot("event-names", "/event-names")
    camera.shoot("event-name", "/event-name?name=plan_upgraded")


@contextmanager
def helpdesk(system: System, memory: Memory) -> Iterator[str]:
    """Serve the demo's helpdesk beside the system; its address."""
    desk = Helpdesk(system.api, system.base_url, lambda: memory)
    with serving(build_helpdesk(desk)) as server:
        address = f"http://127.0.0.1:{server.port}"  # one site with the frame, which else would be drawn coarsely
        let_frame(system, address)
        yield address


class Camera:
    """Takes pictures as an agent who has signed in."""

    def __init__(self, browser: Browser, system: System) -> None:
        self._browser = browser
        self._base_url = system.base_url
        context = browser.new_context(timezone_id="Europe/Berlin")
        page = context.new_page()
        page.goto(sign_in_link(system, "/"))
        page.get_by_role("heading", name="Recently active").wait_for()
        self._state: StorageState = context.storage_state()
        context.close()

    def shoot(
        self, name: str, address: str, *, dark: bool = False, size: tuple[int, int] = WIDE, scale: int = 1
    ) -> None:
        """Take one picture."""
        context = self._browser.new_context(
            storage_state=self._state,
            base_url=self._base_url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            device_scale_factor=scale,
            timezone_id="Europe/Berlin",
            locale="en-GB",
            reduced_motion="reduce",
        )
        page = context.new_page()
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
