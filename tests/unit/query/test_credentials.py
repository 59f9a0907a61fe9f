from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from query.sessions import Sessions, local_path
from query.sidebar_tokens import Conversation, SidebarTokens
from query.signing import InvalidTokenError

SECRET = "a secret of the tests, long enough to sign"
START = datetime(2026, 6, 7, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def token_of(link: str) -> str:
    return urlsplit(link).fragment


def test_a_link_opens_a_session_of_its_workspace(clock: Clock) -> None:
    sessions = Sessions(SECRET, clock)
    link = sessions.sign_in_link("https://events.example.com", 3, "/contacts/17?event=a&b=c")

    session, cookie = sessions.open(token_of(link))

    assert session.workspace_id == 3
    assert sessions.read(cookie) == session
    assert parse_qs(urlsplit(link).query) == {"next": ["/contacts/17?event=a&b=c"]}
    assert token_of(link) not in urlsplit(link).query


def test_a_link_and_a_session_end_after_twelve_hours(clock: Clock) -> None:
    sessions = Sessions(SECRET, clock)
    token = token_of(sessions.sign_in_link("", 3))
    _, cookie = sessions.open(token)

    clock.time += timedelta(hours=12) - timedelta(seconds=1)
    assert sessions.read(cookie) is not None
    clock.time += timedelta(seconds=1)

    assert sessions.read(cookie) is None
    with pytest.raises(InvalidTokenError) as caught:
        sessions.open(token)
    assert caught.value.expired


def test_credentials_of_one_kind_are_worth_nothing_as_another(clock: Clock) -> None:
    sessions, sidebar_tokens = Sessions(SECRET, clock), SidebarTokens(SECRET, clock)
    link_token = token_of(sessions.sign_in_link("", 3))
    _, cookie = sessions.open(link_token)
    sidebar_token = sidebar_tokens.mint(3, 17).text

    assert sessions.read(link_token) is None
    assert sessions.read(sidebar_token) is None
    for other in (cookie, sidebar_token):
        with pytest.raises(InvalidTokenError):
            sessions.open(other)
    for other in (cookie, link_token):
        with pytest.raises(InvalidTokenError):
            sidebar_tokens.verify(other)


@pytest.mark.parametrize("text", ["", "x", "a.b", "." * 5_000, "é", "\0", "eyJ3b3Jrc3BhY2UiOjF9.x"])
def test_what_is_no_token_is_refused(clock: Clock, text: str) -> None:
    assert Sessions(SECRET, clock).read(text) is None
    with pytest.raises(InvalidTokenError) as caught:
        SidebarTokens(SECRET, clock).verify(text)
    assert not caught.value.expired


def test_another_secret_opens_nothing(clock: Clock) -> None:
    _, cookie = Sessions(SECRET, clock).open(token_of(Sessions(SECRET, clock).sign_in_link("", 3)))

    assert Sessions("another secret of the tests, as long", clock).read(cookie) is None


def test_a_sidebar_token_says_what_it_was_minted_with(clock: Clock) -> None:
    tokens = SidebarTokens(SECRET, clock)
    conversation = Conversation("conv-1", START - timedelta(minutes=5))

    minted = tokens.mint(3, 17, conversation=conversation, time_zone="Europe/Berlin", lifetime=timedelta(seconds=60))
    token = tokens.verify(minted.text)

    assert (token.workspace_id, token.contact_id, token.time_zone) == (3, 17, "Europe/Berlin")
    assert token.conversation == conversation
    assert token.expires_at == minted.expires_at == START + timedelta(seconds=60)


def test_a_sidebar_token_never_lives_longer_than_ten_minutes(clock: Clock) -> None:
    tokens = SidebarTokens(SECRET, clock)
    minted = tokens.mint(3, 17, lifetime=timedelta(days=1))

    clock.time += timedelta(minutes=10)

    with pytest.raises(InvalidTokenError) as caught:
        tokens.verify(minted.text)
    assert caught.value.expired


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "contacts/1",
        "/a b",
        "/a\nb",
        "/é",
        "/\\/x",
    ],
)
def test_only_a_path_of_ours_is_gone_to_after_signing_in(text: str | None) -> None:
    assert local_path(text) == "/"


@pytest.mark.parametrize("text", ["/", "/contacts/17", "/contacts/17?event=a-1#x"])
def test_a_path_of_ours_is_kept(text: str) -> None:
    assert local_path(text) == text
