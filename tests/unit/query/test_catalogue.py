"""What is said about names, applied: aliases, what hidden means, and how long it is remembered."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.access import Viewer
from query.catalogue import FRESH_SECONDS, NOTHING_SAID, Catalogue, Catalogues, NameSettings, leaves_out_hidden
from query.shown_names import shown_names
from query.summary import NameSummary
from query.timeline import Filters
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)


def aliases(**given_aliases: str | None) -> Catalogue:
    return Catalogue(NameSettings(name, alias=alias) for name, alias in given_aliases.items())


def test_a_name_is_shown_as_its_alias_and_the_alias_as_itself() -> None:
    catalogue = aliases(plan_upgarded="plan_upgraded", login=None)
    assert [catalogue.shown(name) for name in ("plan_upgarded", "plan_upgraded", "login", "x")] == [
        "plan_upgraded",
        "plan_upgraded",
        "login",
        "x",
    ]


def test_a_chain_is_followed_and_a_circle_counts_for_nothing() -> None:
    catalogue = aliases(a="b", b="c", p="q", q="p", into="p", own="own")
    assert (catalogue.shown("a"), catalogue.shown("b")) == ("c", "c")
    assert [catalogue.shown(name) for name in ("p", "q", "into", "own")] == ["p", "q", "into", "own"]


names = st.sampled_from("abcdef")


@given(st.dictionaries(names, names))
def test_every_tangle_of_aliases_ends_in_one_step(tangle: dict[str, str]) -> None:
    catalogue = Catalogue(NameSettings(name, alias=alias) for name, alias in tangle.items())
    for name in "abcdef":
        shown = catalogue.shown(name)
        assert catalogue.shown(shown) == shown
        assert name in catalogue.recorded([shown])


def test_what_is_not_said_of_a_name_is_taken_from_the_name_it_is_shown_as() -> None:
    catalogue = Catalogue(
        [
            NameSettings("plan_upgarded", alias="plan_upgraded", tone="neutral"),
            NameSettings("plan_upgraded", template="{a}", tone="positive", hidden=True, pinned=True, description="D"),
        ]
    )
    look = catalogue.of("plan_upgarded")
    assert (look.template, look.tone, look.hidden, look.pinned, look.description) == ("{a}", "neutral", True, True, "D")
    assert catalogue.hidden == {"plan_upgarded", "plan_upgraded"}


def test_a_filter_by_name_finds_the_name_itself_and_what_is_shown_as_it() -> None:
    catalogue = aliases(plan_upgarded="plan_upgraded", planUpgraded="plan_upgraded")
    assert catalogue.recorded(["plan_upgraded"]) == ("plan_upgraded", "planUpgraded", "plan_upgarded")
    assert catalogue.recorded(["plan_upgarded"]) == ("plan_upgarded",)
    assert catalogue.recorded([]) == ()


def test_hidden_names_are_left_out_unless_they_are_asked_for_by_name() -> None:
    catalogue = Catalogue([NameSettings("heartbeat", hidden=True)])
    assert catalogue.applied(Filters(), leave_out_hidden=True).without == ("heartbeat",)
    assert catalogue.applied(Filters(), leave_out_hidden=False).without == ()
    assert catalogue.applied(Filters(names=("heartbeat",)), leave_out_hidden=True) == Filters(names=("heartbeat",))


@pytest.mark.parametrize(
    ("kind", "asked", "left_out"),
    [
        ("key", None, False),
        ("key", False, True),
        ("key", True, False),
        ("agent", None, True),
        ("agent", True, False),
        ("sidebar", None, True),
        ("sidebar", False, True),
    ],
)
def test_agents_are_spared_what_is_hidden_and_apps_are_not(kind: Any, asked: bool | None, left_out: bool) -> None:  # noqa: ANN401, FBT001 - cases
    assert leaves_out_hidden(Viewer(kind, 1), asked) is left_out


def test_totals_are_added_up_by_shown_name_pinned_ones_first() -> None:
    catalogue = Catalogue(
        [
            NameSettings("plan_upgarded", alias="plan_upgraded"),
            NameSettings("login", hidden=True),
            NameSettings("charge_failed", pinned=True),
        ]
    )
    earlier = NOW.replace(year=2025)
    totals = [
        NameSummary("login", 9, NOW, NOW),
        NameSummary("plan_upgraded", 2, NOW, NOW),
        NameSummary("plan_upgarded", 3, earlier, earlier),
        NameSummary("charge_failed", 1, NOW, NOW),
    ]
    found = shown_names(totals, catalogue)
    assert [(one.name, one.count, one.pinned, one.hidden) for one in found] == [
        ("charge_failed", 1, True, False),
        ("login", 9, False, True),
        ("plan_upgraded", 5, False, False),
    ]
    assert (found[2].recorded, found[2].first_occurred_at) == (("plan_upgraded", "plan_upgarded"), earlier)


class Connection:
    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def execute(self, *_: object) -> Connection:
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


class Readings:
    """Stands for the database; `away` makes it fail."""

    def __init__(self) -> None:
        self.alias, self.away, self.count = "one", False, 0

    @contextmanager
    def __call__(self, _: int) -> Iterator[Connection]:
        self.count += 1
        if self.away:
            raise Problem(503, "timelines_unavailable", "away")
        yield Connection([("name", None, self.alias, False, False, None, None, False)])


def test_settings_are_remembered_for_some_seconds_and_while_the_database_is_away() -> None:
    readings, now = Readings(), [100.0]
    catalogues = Catalogues(readings, lambda: now[0])  # type: ignore[arg-type] # a stand-in
    readings.away = True
    with pytest.raises(Problem):
        catalogues.of(1)
    readings.away = False
    assert catalogues.of(1).shown("name") == "one"
    readings.alias = "two"
    now[0] += FRESH_SECONDS - 0.1
    assert catalogues.of(1).shown("name") == "one"
    assert catalogues.of(1, fresh=True).shown("name") == "two"
    readings.alias, now[0] = "three", now[0] + FRESH_SECONDS
    assert catalogues.of(1).shown("name") == "three"
    readings.away, now[0] = True, now[0] + 3600
    assert catalogues.of(1).shown("name") == "three"
    assert readings.count == 5


def test_nothing_said_changes_nothing() -> None:
    filters = Filters(names=("a",), text="x")
    assert NOTHING_SAID.applied(filters, leave_out_hidden=True) is filters
