"""Every revision of every record type's schema that was ever published, and what may not be changed any more.

`schemas/published/<type>/<revision>.json` are copies, numbered from 1, of `schemas/record_types/<type>.json` as it
stood when it was published. `schemas/published/SHA256SUMS` seals these copies and every example record: what is listed
there may never change or vanish.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.compatibility import breaking_changes
from schemas.record_classes import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent
"""Where the schemas are. Functions take another one for tests."""


class Published:
    """The contract's files under one folder."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._sums = root / "published" / "SHA256SUMS"

    def problems(self) -> Iterator[str]:
        """Say what breaks a promise, one sentence each; nothing when all is well."""
        for name, sum_ in self._sealed().items():
            path = self._root / name
            if not path.is_file():
                yield f"{name} was published and is gone"
            elif _sum(path) != sum_:
                yield f"{name} was published and has been changed"
        folders = {path.name for path in (self._root / "published").glob("*/")}
        yield from (f"the type {name} was published and is gone" for name in sorted(folders - set(TYPES)))
        for type_ in TYPES:
            revisions = self.revisions(type_)
            if [int(path.stem) for path in revisions] != list(range(1, len(revisions) + 1)):
                yield f"the revisions of {type_} are not numbered 1, 2, 3, ..."
            for path in revisions:
                for change in breaking_changes(_read(path), self.current(type_)):
                    yield f"{type_} against its revision {path.stem}: {change}"

    def unpublished(self) -> Iterator[str]:
        """Name what stands in the schemas and is not published yet: changed types and new examples."""
        for type_ in TYPES:
            revisions = self.revisions(type_)
            if not revisions or _read(revisions[-1]) != self.current(type_):
                yield type_
        for path in self._to_seal():
            if self._name(path) not in self._sealed():
                yield self._name(path)

    def publish(self) -> None:
        """Copy what is not published yet into new revisions and seal it. Call it only when there are no problems."""
        for type_ in TYPES:
            revisions = self.revisions(type_)
            if not revisions or _read(revisions[-1]) != self.current(type_):
                target = self._root / "published" / type_ / f"{len(revisions) + 1}.json"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._file(type_).read_bytes())
        sealed = {self._name(path): _sum(path) for path in self._to_seal()} | self._sealed()
        self._sums.write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sorted(sealed.items())), encoding="utf-8")

    def current(self, type_: str) -> dict[str, Any]:
        """Read the schema of a type as it stands."""
        return _read(self._file(type_))

    def revisions(self, type_: str) -> list[Path]:
        """List the published revisions of a type, oldest first."""
        return sorted((self._root / "published" / type_).glob("*.json"), key=lambda path: int(path.stem))

    def examples(self, type_: str) -> list[Path]:
        """List the example records of a type."""
        return sorted((self._root / "record_types" / "examples" / type_).glob("*.json"))

    def _file(self, type_: str) -> Path:
        return self._root / "record_types" / f"{type_}.json"

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _to_seal(self) -> list[Path]:
        return [path for type_ in TYPES for path in [*self.revisions(type_), *self.examples(type_)]]

    def _sealed(self) -> dict[str, str]:
        if not self._sums.is_file():
            return {}
        lines = self._sums.read_text(encoding="utf-8").splitlines()
        return {name: sum_ for sum_, name in (line.split("  ", 1) for line in lines)}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
