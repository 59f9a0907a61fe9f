"""Requests about event names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from ingest import answers
from ingest.bodies import read_body
from ingest.calls import Answer
from ingest.database import DatabaseAwayError
from ingest.event_names import alias_chain, alias_to_itself
from ingest.events import Invalid
from ingest.fields import NAME_LENGTH, Label, Rule
from ingest.name_rules import NameBody, read_name_change
from ingest.names import warnings
from ingest.requests import begin, limit_rate, settle_id
from runtime.problems import Fault

if TYPE_CHECKING:
    from ingest.calls import Call
    from ingest.parts import Parts

_NAME = Label(NAME_LENGTH, required=True, about="The event's name.")


def patch_event_name(parts: Parts, call: Call, **_: str) -> Answer:
    """Change what is known about an event name."""
    caller = begin(parts, call, "admin")
    name = _name_in_path(call)
    body = read_name_change(parts.name_rules, read_body(call.request))
    if isinstance(body, Invalid):
        answers.refuse_unreadable(body)
        settle_id(call, None, [*_name_faults(name), *body.faults])
    assert isinstance(body, NameBody)
    itself = alias_to_itself(name, body.change.get("alias"))
    id_ = settle_id(call, body.update_id, [*_name_faults(name), *([itself] if itself else [])]) or str(parts.new_id())
    limit_rate(parts, call, caller, 1)
    noted = [*warnings(name), *_check_alias(parts, call, caller.workspace_id, name, body.change.get("alias"))]
    document: dict[str, Any] = {"name": name, "update_id": id_, "position": None, "warnings": noted}
    if caller.dry_run:
        return Answer.of(200, {"dry_run": True} | document)
    with answers.world_away(update_id=id_):
        outcome = parts.event_names.change(caller.workspace_id, name, id_, body.change)
    return Answer.of(200, document | {"position": answers.position_of(outcome, update_id=id_)})


def _name_in_path(call: Call) -> str:
    """Take the name out of the path as it was sent: the router would take a slash at its end for something else.

    Raises Problem 422 for bytes that are not UTF-8, where the router would put other characters in their place.
    """
    path: str = call.request.environ["PATH_INFO"].encode("latin-1").decode("utf-8", "surrogateescape")
    name = path.partition("/event-names/")[2]
    if any("\ud800" <= character <= "\udfff" for character in name):
        message = "The name in the path is not UTF-8. Percent-encode the bytes of its UTF-8."
        settle_id(call, None, [Fault("name", "not_utf8", message)])
    return name


def _name_faults(name: str) -> list[Fault]:
    """Judge the name by the rules for events' names."""
    try:
        _NAME.deserialize(name)
    except ValidationError as error:
        rules = [rule for rule in error.messages if isinstance(rule, Rule)]
        return [Fault("name", rule.code, rule.message.replace("{field}", "The name"), rule.limit) for rule in rules]
    return []


def _check_alias(parts: Parts, call: Call, workspace_id: int, name: str, alias: object) -> list[dict[str, Any]]:
    """Refuse an alias of more than one step; while nobody can tell, let it pass with a warning, as readers can cope."""
    if not isinstance(alias, str):
        return []
    try:
        fault = alias_chain(name, alias, parts.event_names.aliases(workspace_id))
    except DatabaseAwayError:
        message = "Whether this alias leads on to another one could not be checked: the database is away."
        return [{"code": "alias_not_checked", "pointer": "/alias", "message": message}]
    if fault is not None:
        settle_id(call, None, [fault])
    return []
