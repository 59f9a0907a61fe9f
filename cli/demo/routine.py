"""A shop's routine with the app: working days, bursts of trying things out, a new theme now and then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from cli.demo import plans, work
from cli.demo.rhythm import chance

if TYPE_CHECKING:
    from random import Random

    from cli.demo.agenda import Agenda
    from cli.demo.diary import Diary
    from cli.demo.story import Data


@dataclass(slots=True)
class State:
    """How a shop is at the moment; `plan` is None while the app is not installed."""

    plan: str | None = None
    features: list[str] = field(default_factory=list)
    orders: int = 0
    theme: str = ""


class Routine:
    """`size` (0 to 1) is how big and busy the shop is."""

    def __init__(self, random: Random, agenda: Agenda, diary: Diary, state: State, size: float) -> None:
        self._random = random
        self._agenda = agenda
        self._diary = diary
        self._state = state
        self._size = size

    def begin(self) -> None:
        """Start working with the app."""
        self._agenda.soon(self._pause, self._work)
        self._agenda.soon(45, self._change_theme)

    def set_up(self) -> None:
        """Do what one does right after installing."""
        self._agenda.after(timedelta(minutes=self._random.randrange(4, 80)), self._import)
        self._agenda.after(timedelta(minutes=self._random.randrange(85, 200)), self._try_things_out)

    @property
    def _pause(self) -> float:
        return 0.75 + 15 * (1 - self._size) ** 2

    def _work(self) -> None:
        delay = timedelta()
        for _ in range(self._random.choices((1, 2, 3, 4), (6, 3, 1, 1))[0]):
            self._agenda.after(delay, self._do_something)
            delay += timedelta(seconds=self._random.randrange(90, 1_500))
        self._state.orders += self._random.randrange(2, 10 + int(90 * self._size))
        if chance(self._random, 0.04):
            self._agenda.after(delay + timedelta(minutes=10), self._try_things_out)
        self._agenda.soon(self._pause, self._work)

    def _do_something(self) -> None:
        kinds, weights = zip(*work.EVERYDAY, strict=True)
        kind = self._random.choices(kinds, weights)[0]
        # Once in a while the app's own queue stood still for days, and the event comes long after it happened.
        late = timedelta(days=self._random.uniform(2, 6)) if chance(self._random, 0.02) else timedelta()
        self._diary.happened(self._agenda.now, kind.__name__, kind(self._random, self._size), late)

    def _import(self) -> None:
        self._diary.happened(self._agenda.now, "import_finished", work.import_finished(self._random, self._size))

    def _try_things_out(self) -> None:
        wanted = [feature for feature in plans.FEATURES if feature not in self._state.features]
        delay = timedelta()
        for feature in self._random.sample(wanted, min(len(wanted), self._random.choice((1, 2, 4, 5, 6, 8)))):
            self._agenda.after(delay, partial(self._enable, feature))
            delay += timedelta(seconds=self._random.randrange(15, 140))

    def _enable(self, feature: str) -> None:
        if feature not in self._state.features:
            self._state.features.append(feature)
            self._diary.happened(self._agenda.now, "feature_enabled", {"feature": feature, "via": "settings"})
            self._diary.changed(self._agenda.now, {"features": sorted(self._state.features)})

    def _change_theme(self) -> None:
        theme = self._random.choice([name for name in work.THEMES if name != self._state.theme])
        previous: Data = {"previous_theme": self._state.theme} if self._state.theme else {}
        self._diary.happened(self._agenda.now, "theme_published", {"theme": theme} | previous)
        self._diary.changed(self._agenda.now, {"theme": theme})
        self._state.theme = theme
        self._agenda.soon(60, self._change_theme)
