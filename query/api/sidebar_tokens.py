"""`POST /api/v1/sidebar-tokens`: a helpdesk's server asks for what its agent's browser may see, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from flask import Blueprint, Response, request

from query.access import contact_not_found
from query.contacts import find_contact
from query.parameters import Parameters
from query.shapes import answer
from query.sidebar_tokens import LONGEST_LIFETIME, Conversation
from query.time_zones import is_time_zone
from runtime.problems import Fault, Problem
from schemas.times import format_time

if TYPE_CHECKING:
    from query.services import Services

_LARGEST_BODY: Final = 16_384
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST_SECONDS: Final = int(LONGEST_LIFETIME.total_seconds())


class _Conversation(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    started_at: Annotated[datetime, msgspec.Meta(tz=True)]


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    contact_id: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    conversation: _Conversation | None = None
    time_zone: str | None = None
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_SECONDS)] = _LONGEST_SECONDS


_decoder = msgspec.json.Decoder(_Asked)


def sidebar_tokens_blueprint(services: Services) -> Blueprint:
    """Make the route."""
    blueprint = Blueprint("api_sidebar_tokens", __name__, url_prefix="/api/v1")

    @blueprint.post("/sidebar-tokens")
    def mint() -> Response:
        key = services.access.key(request, "sidebar:mint")
        parameters = Parameters(request.args)
        position = parameters.position()
        parameters.finish()
        asked, conversation = _read_body()
        services.gate.wait(key.workspace_id, position)
        with services.reading(key.workspace_id) as connection:
            if find_contact(connection, key.workspace_id, asked.contact_id) is None:
                raise contact_not_found()
        token = services.sidebar_tokens.mint(
            key.workspace_id,
            asked.contact_id,
            conversation=conversation,
            time_zone=asked.time_zone,
            lifetime=timedelta(seconds=asked.expires_in),
        )
        document = {
            "token": token.text,
            "expires_at": format_time(token.expires_at),
            "url": f"{services.settings.base_url}/embed/{key.workspace_id}/sidebar#{token.text}",
        }
        return answer(document, 201)

    return blueprint


def _read_body() -> tuple[_Asked, Conversation | None]:
    if not request.is_json:
        raise Problem(415, "unsupported_media_type", "Send the body as application/json.")
    request.max_content_length = _LARGEST_BODY
    try:
        asked = _decoder.decode(request.get_data(cache=False))
    except msgspec.ValidationError as error:
        raise _broken("", "invalid_value", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "invalid_json", "The body is not JSON.") from error
    if asked.time_zone is not None and not is_time_zone(asked.time_zone):
        raise _broken("/time_zone", "unknown_time_zone", "time_zone should be an IANA name such as Europe/Berlin.")
    if asked.conversation is None:
        return asked, None
    try:
        started_at = asked.conversation.started_at.astimezone(UTC)
    except OverflowError:
        started_at = datetime.max.replace(tzinfo=UTC)
    if not _EARLIEST <= started_at <= _LATEST:
        raise _broken("/conversation/started_at", "out_of_range", "started_at should be a time since the year 2000.")
    return asked, Conversation(asked.conversation.id, started_at)


def _broken(pointer: str, code: str, message: str) -> Problem:
    return Problem(422, "invalid_body", "The body breaks a rule.", [Fault(pointer, code, message)])
