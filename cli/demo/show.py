"""The demo from beginning to end: send the quarter, then say what came of it and which pages to open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click
import psycopg

from cli.demo import report
from cli.demo.memory import recall_or_begin, remember
from cli.demo.quarter import build_quarter
from cli.demo.sending import Sending
from cli.demo.settings import HELPDESK_PORT
from cli.demo.stars import STARS
from cli.demo.workspace import allow_frames, workspace_of
from query.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cli.demo.api import Api
    from cli.demo.sending import Sent
    from cli.demo.settings import DemoSettings
    from cli.demo.story import Quarter


@dataclass(frozen=True, slots=True)
class Show:
    """`memory_file` lies in the folder of the running stack; `environment` is what its processes are started with."""

    settings: DemoSettings
    api: Api
    memory_file: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    now: Callable[[], datetime]

    def run(self) -> None:
        """Do it all."""
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            workspace_id = workspace_of(connection, self.settings.api_key)
            memory = recall_or_begin(self.memory_file, self.now())
            remember(self.memory_file, memory)  # at once: a run that is cut short must go on with the same ids
            quarter = build_quarter(memory.seed, memory.end)
            sent = self._send(quarter)
            memory.contacts = {star(memory.end).shop.external_id: 0 for star in STARS}
            memory.contacts = {external_id: sent.contact_ids[external_id] for external_id in memory.contacts}
            remember(self.memory_file, memory)
            helpdesk_url = self._open_helpdesk(connection, workspace_id)
        self._report(quarter, sent, workspace_id, helpdesk_url)

    def _send(self, quarter: Quarter) -> Sent:
        self.say(
            f"A quarter in the life of {len(quarter.stories)} shops: {quarter.event_count:,} events up to "
            f"{quarter.end:%d %b %Y, %H:%M} UTC, through {self.settings.base_url}"
        )
        began = self.now()
        sending = Sending(self.api, quarter, began)
        with click.progressbar(length=sending.total, label="Sending") as bar:
            sent = sending.run(bar.update)
        self.say(f"Every timeline shows all of it, after {(self.now() - began).total_seconds():.1f} s.")
        return sent

    def _open_helpdesk(self, connection: psycopg.Connection[tuple[object, ...]], workspace_id: int) -> str | None:
        """Start the helpdesk beside the embedded stack; None where that is not what runs here."""
        if not (self.memory_file.parent / "state.json").is_file():
            return None
        from cli.stack.errors import StackError
        from cli.stack.services import start_service

        root = self.memory_file.parent.parent
        arguments = ["demo", "helpdesk"]
        try:
            url = start_service(
                root, self.environment, name="helpdesk", arguments=arguments, port=HELPDESK_PORT, say=self.say
            )
        except StackError as error:
            self.say(str(error))  # everything else is there to be looked at
            return None
        allow_frames(connection, workspace_id, [url, url.replace("127.0.0.1", "localhost")])
        return url

    def _report(self, quarter: Quarter, sent: Sent, workspace_id: int, helpdesk_url: str | None) -> None:
        first = report.WORTH_LOOKING_AT[0][0]
        contact_id = sent.contact_ids[first]
        events = self.api.get(f"/api/v1/contacts/{contact_id}/events", limit=report.SHOWN).body["data"]
        sign_in = partial(
            Sessions(self.settings.secret_key, self.now).sign_in_link, self.settings.base_url, workspace_id
        )
        self._print(report.counts(sent))
        self._print(report.timeline(quarter.stories[first], contact_id, events))
        self._print(report.pages(sign_in, sent.contact_ids, helpdesk_url))
        self._print(report.curl(self.settings.base_url, self.settings.api_key, contact_id, self.now()))

    def _print(self, lines: Iterable[str]) -> None:
        self.say("")
        for line in lines:
            self.say(line)
