"""Every route, with every kind of credential, for every kind of contact: who gets what, and nobody anything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from query.sessions import COOKIE, Sessions
from query.sidebar_tokens import SidebarTokens
from schemas.api_keys import SCOPES, ApiKey
from tests.conftest import create_api_key, create_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from werkzeug.test import TestResponse

    from tests.integration.query.rows import Rows

MALFORMED = ["0", "-1", "1.0", "abc", "²", "%00", "9007199254740992", "99999999999999999999", "017", "1%20", "+1"]

CONTACT_ROUTES = {
    "": {"contacts:read"},
    "?as_of=2026-06-02T00:00:00Z": {"contacts:read"},
    "/changes": {"contacts:read"},
    "/events": {"events:read"},
    "/events/e1": {"events:read"},
    "/events/e1/trace": {"events:read"},
    "/event-summary": {"events:read"},
    "/event-export": {"events:read"},
    "/event-export?format=csv": {"events:read"},
    "/event-stream": {"events:read"},
    "/sidebar": {"events:read", "contacts:read"},
}
WORKSPACE_ROUTES = {
    "/contacts": {"contacts:read"},
    "/contacts?query=a": {"contacts:read"},
    "/contacts?custom_data.plan=pro": {"contacts:read"},
    "/contacts?has_event=plan_upgraded&has_no_event=x": {"contacts:read", "events:read"},
    "/event-names": {"events:read"},
}


@dataclass(frozen=True)
class Cast:
    """Those who ask, and the contacts they ask for."""

    own: int
    second: int
    foreign: int
    credentials: dict[str, dict[str, str]]

    def ids(self) -> dict[str, str]:
        """The contacts that are not to be seen, or not to be found, by kind."""
        malformed = {f"malformed {text}": text for text in MALFORMED}
        return {"foreign": str(self.foreign), "unknown": "9007199254740991"} | malformed


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def cookie(text: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={text}"}


def session(secret: str, workspace: int, now: Callable[[], datetime]) -> str:
    sessions = Sessions(secret, now)
    return sessions.open(urlsplit(sessions.sign_in_link("", workspace)).fragment)[1]


@pytest.fixture(scope="module")
def cast(database_url: str, workspace: int, environment: dict[str, str], rows: Rows) -> Cast:
    other = create_workspace(database_url, "Other")
    own, second, foreign = rows.contact(name="a"), rows.contact(), rows.contact(workspace_id=other, name="a")
    rows.event(own, event_id="e1")
    rows.event(foreign, event_id="e1", workspace_id=other)
    secret = environment["SECRET_KEY"]

    def now() -> datetime:
        return datetime.now(UTC)

    def long_ago() -> datetime:
        return now() - timedelta(days=1)

    revoked = create_api_key(database_url, workspace, list(SCOPES))
    expired = create_api_key(database_url, workspace, list(SCOPES))
    with psycopg.connect(database_url) as connection:
        for text, column in ((revoked, "revoked_at"), (expired, "expires_at")):
            key = ApiKey.parse(text)
            assert key is not None
            connection.execute(
                psycopg.sql.SQL("UPDATE write_side.api_keys SET {} = now() - interval '1 s' WHERE key_id = %s").format(
                    psycopg.sql.Identifier(column)
                ),
                [key.key_id],
            )
    good = create_api_key(database_url, workspace, list(SCOPES))
    credentials = {
        "no credential": {},
        "a key": bearer(good),
        "a foreign key": bearer(create_api_key(database_url, other, list(SCOPES))),
        "a revoked key": bearer(revoked),
        "an expired key": bearer(expired),
        "a key with a wrong secret": bearer(str(ApiKey(good.split("_")[1], "0" * 64))),
        "a damaged key": bearer(good[:-1]),
        "an unknown key": bearer(str(ApiKey("0" * 16, "0" * 64))),
        "a key in basic authentication": {"Authorization": f"Basic {good}"},
        "a key as a cookie": cookie(good),
        "an agent": cookie(session(secret, workspace, now)),
        "a foreign agent": cookie(session(secret, other, now)),
        "an expired session": cookie(session(secret, workspace, long_ago)),
        "a forged session": cookie(session("another secret of the tests, as long", workspace, now)),
        "a session as a bearer": bearer(session(secret, workspace, now)),
        "a bad key beside a good session": cookie(session(secret, workspace, now)) | bearer(good[:-1]),
        "a sidebar token": bearer(SidebarTokens(secret, now).mint(workspace, own).text),
        "a foreign sidebar token": bearer(SidebarTokens(secret, now).mint(other, foreign).text),
        "a sidebar token of a foreign contact": bearer(SidebarTokens(secret, now).mint(workspace, foreign).text),
        "an expired sidebar token": bearer(SidebarTokens(secret, long_ago).mint(workspace, own).text),
        "a forged sidebar token": bearer(SidebarTokens("another secret of the tests, as long", now).mint(1, own).text),
        "a sidebar token as a cookie": cookie(SidebarTokens(secret, now).mint(workspace, own).text),
    }
    for scope in SCOPES:
        credentials[f"a key of {scope} alone"] = bearer(create_api_key(database_url, workspace, [scope]))
    return Cast(own, second, foreign, credentials)


GOOD = {"a key", "an agent", "a sidebar token"}
ELSEWHERE = {
    "a foreign key",
    "a foreign agent",
    "a foreign sidebar token",
    "a sidebar token of a foreign contact",
}
ONE_CONTACT = {"a sidebar token", "a foreign sidebar token", "a sidebar token of a foreign contact"}


def scopes_of(kind: str) -> set[str]:
    if kind.endswith(" alone"):
        return {kind.split()[3]}
    return set(SCOPES) if kind in GOOD else set()


def ask(app: Flask, path: str, headers: dict[str, str], method: str = "GET") -> TestResponse:
    answer = app.test_client(use_cookies=False).open(f"/api/v1{path}", method=method, headers=headers)
    if answer.mimetype == "text/event-stream":
        answer.close()  # it would go on for an hour
    return answer


def code(answer: TestResponse) -> str:
    return str(answer.get_json()["code"])


@pytest.mark.parametrize("route", CONTACT_ROUTES)
def test_one_contact(app: Flask, cast: Cast, route: str) -> None:
    for kind, headers in cast.credentials.items():
        answer = ask(app, f"/contacts/{cast.own}{route}", headers)
        if kind in ELSEWHERE:
            assert (answer.status_code, code(answer)) == (404, "contact_not_found"), kind
        elif CONTACT_ROUTES[route] <= scopes_of(kind):
            assert answer.status_code == 200, kind
        elif scopes_of(kind):
            assert (answer.status_code, code(answer)) == (403, "missing_scope"), kind
        else:
            assert answer.status_code == 401, kind
            assert "Bearer" in answer.headers["WWW-Authenticate"], kind


@pytest.mark.parametrize("route", CONTACT_ROUTES)
@pytest.mark.parametrize("kind", sorted(GOOD))
def test_contacts_unknown_foreign_and_malformed_are_answered_alike(
    app: Flask, cast: Cast, route: str, kind: str
) -> None:
    unknown = ask(app, f"/contacts/9007199254740991{route}", cast.credentials[kind]).get_json()
    hidden = cast.ids() | ({"second": str(cast.second)} if kind == "a sidebar token" else {})

    for reason, contact_id in hidden.items():
        answer = ask(app, f"/contacts/{contact_id}{route}", cast.credentials[kind])
        assert answer.status_code == 404, reason
        assert answer.get_json() | {"request_id": ""} == unknown | {"request_id": ""}, reason


@pytest.mark.parametrize("route", WORKSPACE_ROUTES)
def test_the_whole_workspace(app: Flask, cast: Cast, route: str) -> None:
    for kind, headers in cast.credentials.items():
        answer = ask(app, route, headers)
        if kind in ONE_CONTACT:
            assert (answer.status_code, code(answer)) == (403, "one_contact_only"), kind
        elif kind in GOOD | ELSEWHERE or WORKSPACE_ROUTES[route] <= scopes_of(kind):
            assert answer.status_code == 200, kind
            ids = {contact["id"] for contact in answer.get_json()["data"] if "id" in contact}
            assert not ids & ({cast.own, cast.second} if kind in ELSEWHERE else {cast.foreign}), kind
        elif scopes_of(kind):
            assert (answer.status_code, code(answer)) == (403, "missing_scope"), kind
        else:
            assert answer.status_code == 401, kind


def test_minting_sidebar_tokens(app: Flask, cast: Cast) -> None:
    for kind, headers in cast.credentials.items():
        client = app.test_client(use_cookies=False)
        answer = client.post("/api/v1/sidebar-tokens", json={"contact_id": cast.own}, headers=headers)
        if kind in {"a key", "a key of sidebar:mint alone"}:
            assert answer.status_code == 201, kind
        elif kind == "a foreign key":
            assert (answer.status_code, code(answer)) == (404, "contact_not_found")
        elif kind.endswith(" alone"):
            assert (answer.status_code, code(answer)) == (403, "missing_scope"), kind
        else:
            assert answer.status_code == 401, kind


def test_every_route_of_the_api_is_in_these_tables(app: Flask) -> None:
    paths = {route.partition("?")[0] for route in CONTACT_ROUTES}
    known = {f"/api/v1/contacts/<contact_id>{path}".replace("/e1", "/<event_id>") for path in paths}
    known |= {f"/api/v1{route.partition('?')[0]}" for route in WORKSPACE_ROUTES} | {"/api/v1/sidebar-tokens"}
    known.add("/api/v1/deliveries")  # open to writers' keys as well: its own tests have who may see it

    assert {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")} == known


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written_here(app: Flask, cast: Cast, method: str) -> None:
    for route in CONTACT_ROUTES:
        answer = ask(app, f"/contacts/{cast.own}{route}", cast.credentials["a key"], method)
        assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")


def test_no_answer_lets_another_origin_in(app: Flask, cast: Cast) -> None:
    headers = cast.credentials["an agent"] | {"Origin": "https://elsewhere.example"}
    for method in ("GET", "OPTIONS"):
        answer = ask(app, f"/contacts/{cast.own}/events", headers, method)
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_an_unknown_path_is_a_problem_document(app: Flask, cast: Cast) -> None:
    for path in ("", "/", "/nothing", "/contacts/1/nothing", "/contacts/1/events/a/b"):
        answer = ask(app, path, cast.credentials["a key"])
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path
