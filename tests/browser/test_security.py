from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from query.sessions import COOKIE
from tests.browser.story import EMPTY, HOSTILE, HOSTILE_TEXTS, ONGOING
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPMessage

    from playwright.sync_api import BrowserContext, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.browser


def test_stored_text_is_never_markup(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{HOSTILE}")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE_TEXTS[0])
    for row in page.locator(".event > details > summary").all():
        row.click()
    for index, text in enumerate(reversed(HOSTILE_TEXTS)):
        row = page.locator(".event").nth(len(HOSTILE_TEXTS) - 1 - index)
        expect(row.locator(".title")).to_have_text(text)
        expect(row.locator(".properties > div").first).to_contain_text(text)
    for path in ("/", f"/?q={HOSTILE_TEXTS[1]}", f"/contacts/{HOSTILE}?name={HOSTILE_TEXTS[0]}&q={HOSTILE_TEXTS[1]}"):
        page.goto(site.url + path)
        expect(page.locator("main")).to_be_visible()
    page.goto(site.sidebar_url(HOSTILE, site.sample.now))
    expect(page.locator(".panel h1")).to_have_text(HOSTILE_TEXTS[0])
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main iframe, main script").count() == 0


def test_stored_text_is_not_markup_when_it_arrives_live(site: Site, agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{EMPTY}")
    until(page, lambda: site.streams, "the page to open its live stream")
    for text in HOSTILE_TEXTS:
        site.arrive(EMPTY, text, timedelta(), {text: text})
    for text in HOSTILE_TEXTS:
        expect(page.locator(".event .title", has_text=text).first).to_be_visible()
    assert page.evaluate("window.hit") is None


def headers_of(site: Site, path: str, cookie: str = "") -> HTTPMessage:
    request = Request(site.url + path, headers={"Cookie": f"{COOKIE}={cookie}"} if cookie else {})
    with urlopen(request) as answer:
        headers: HTTPMessage = answer.headers
        return headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/contacts/{ONGOING}",
        f"/contacts/{ONGOING}/timeline",
        "/sign-in",
        "/event-names",
        "/event-name?name=login",
    ],
)
def test_every_page_forbids_inline_code_and_frames(site: Site, path: str) -> None:
    cookie = site.cookie()
    headers = headers_of(site, path, cookie)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_only_whom_the_workspace_names_may_frame_the_sidebar(site: Site) -> None:
    assert headers_of(site, site.sidebar_shell)["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    site.let_frame(["https://a.example", "https://b.example"])
    policy = headers_of(site, site.sidebar_shell)["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://a.example https://b.example")
    assert headers_of(site, "/embed/999999/sidebar")["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_the_markup_holds_no_inline_script_style_or_handler(site: Site) -> None:
    cookie = site.cookie()
    request = Request(f"{site.url}/contacts/{ONGOING}", headers={"Cookie": f"{COOKIE}={cookie}"})
    with urlopen(request) as answer:
        text = answer.read().decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|https?://(?!127\.0\.0\.1)", text)


def test_the_session_cookie_is_out_of_reach_of_scripts(site: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    page.goto(site.sign_in_link("/"))
    expect(page.get_by_role("heading", name="Recently active")).to_be_visible()
    assert COOKIE not in page.evaluate("document.cookie")
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == COOKIE)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_a_fragment_without_a_session_is_401_and_a_page_leads_to_sign_in(agent: Callable[..., Page]) -> None:
    page = agent(f"/contacts/{ONGOING}")
    page.context.clear_cookies()
    assert page.evaluate(f"fetch('/contacts/{ONGOING}/timeline').then(answer => answer.status)") == 401
    page.locator(".chip").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
