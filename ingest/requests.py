"""What every request has in common: who is asking, how it wants to be treated, and the id it wants to be known by."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.fields import EVENT_ID, LARGEST_ID
from runtime.authentication import require_scope
from runtime.problems import Fault, Problem

if TYPE_CHECKING:
    from datetime import datetime

    from werkzeug.wrappers import Request

    from ingest.calls import Call
    from ingest.parts import Parts
    from ingest.workspaces import WorkspaceSettings

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
DRY_RUN: Final = "dry_run"
_KEY_IN_ENVIRON: Final = "HTTP_IDEMPOTENCY_KEY"
ID_RULE: Final = "must begin with a letter or digit and have at most 128 of the characters A-Z a-z 0-9 _ . : -"
_NUMBER = re.compile(r"[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and when. With `dry_run` nothing is published."""

    workspace_id: int
    settings: WorkspaceSettings
    received_at: datetime
    dry_run: bool


def begin(parts: Parts, call: Call, scope: str, *, dry_run_allowed: bool = True) -> Caller:
    """Find out who is asking and that it may do this; raise Problem 401, 403, 422 or 503."""
    authorization = call.request.environ.get("HTTP_AUTHORIZATION")
    return admit(parts, call, authorization, scope, dry_run_allowed=dry_run_allowed)


def admit(parts: Parts, call: Call, authorization: str | None, *scopes: str, dry_run_allowed: bool) -> Caller:
    """Find out who is asking, and that it may do all of this, wherever the request has its key."""
    call.key = key = parts.keys.authenticate(authorization)
    for scope in scopes:
        require_scope(key.scopes, scope)
    received_at = parts.now()
    parts.key_use.note(key.key_id, received_at)
    query = call.request.environ.get("QUERY_STRING")
    dry_run = bool(query) and _dry_run(call.request, dry_run_allowed=dry_run_allowed)
    return Caller(key.workspace_id, parts.workspaces.settings(key.workspace_id), received_at, dry_run)


def _dry_run(request: Request, *, dry_run_allowed: bool) -> bool:
    """Read the query string. A misspelt `dry_run` must not be taken for no dry run."""
    known = [DRY_RUN] if dry_run_allowed else []
    faults = [_unknown_parameter(name, known) for name in request.args if name not in known]
    values = request.args.getlist(DRY_RUN) or ["false"]
    if dry_run_allowed and values not in (["true"], ["false"]):
        given = " and ".join(repr(value[:20]) for value in values[:3])
        faults.append(Fault(DRY_RUN, "invalid_parameter", f"{DRY_RUN} is true or false, once, not {given}."))
    if faults:
        raise Problem(422, "invalid_request", f"Nothing was written. {faults[0].message}", faults)
    return values == ["true"]


def _unknown_parameter(name: str, known: list[str]) -> Fault:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return Fault(name[:100], "unknown_parameter", f"There is no parameter {name[:100]!r} here.{hint}")


def limit_rate(parts: Parts, call: Call, caller: Caller, number: int) -> None:
    """Take so many items out of the workspace's allowance; raise Problem 429 when it is used up."""
    per_second = caller.settings.events_per_second
    if per_second is None or caller.dry_run:
        return
    allowed, call.allowance = parts.rates.take(caller.workspace_id, per_second, number)
    if not allowed:
        wait = call.allowance.reset
        detail = f"This workspace may write {per_second:g} items a second. Send it again in {wait} s, with the same id."
        headers = {"Retry-After": str(wait)}
        raise Problem(429, "rate_limited", detail, headers=headers, extra={"limit": per_second})


def contact_id_from(text: str) -> int | None:
    """Read a contact's number from a path; None for what no contact can have."""
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= LARGEST_ID else None


def refuse_header_id(call: Call) -> None:
    """Raise Problem where the header's id would have to stand for many items."""
    if _KEY_IN_ENVIRON in call.request.environ:
        message = f"In a batch each item has an id of its own; {IDEMPOTENCY_KEY} cannot stand for all. Leave it out."
        raise Problem(422, "invalid_request", message, [Fault(IDEMPOTENCY_KEY, "id_for_many", message)])


def settle_id(call: Call, given: str | None, faults: list[Fault]) -> str | None:
    """Settle the id of a request from body and header; raise Problem with all faults, those of the body included."""
    in_header: str | None = call.request.environ.get(_KEY_IN_ENVIRON)
    if in_header is not None and not EVENT_ID.fullmatch(in_header):
        message = f"{IDEMPOTENCY_KEY} {ID_RULE}."
        faults = [*faults, Fault(IDEMPOTENCY_KEY, "invalid_id", message, EVENT_ID.pattern)]
    elif given is not None and in_header is not None and given != in_header:
        message = f"The id in the body and the header {IDEMPOTENCY_KEY} differ. Send one of them, or the same twice."
        faults = [*faults, Fault(IDEMPOTENCY_KEY, "two_ids", message)]
    if faults:
        count = f"{len(faults)} faults" if len(faults) > 1 else "One fault"
        raise Problem(422, "invalid_request", f"{count}; nothing was written. {faults[0].message}", faults)
    return given or in_header
