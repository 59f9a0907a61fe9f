"""The kinds of values that a change of an event name may hold, beside those of `ingest.fields`."""

from __future__ import annotations

import difflib
from typing import Any, ClassVar, Final

from marshmallow import ValidationError

from ingest.fields import Label, Strict, broken
from schemas.name_templates import LONGEST, TemplateError, parse_template

TONES: Final = ("attention", "positive", "neutral")


class Flag(Strict):
    """Yes or no. Null is what it was before anybody said anything: no."""

    wanted = "true, false or null"
    json_schema: ClassVar[dict[str, Any]] = {"type": "boolean"}

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if not isinstance(value, bool):
            raise ValidationError([self.wrong(value)])
        return value


class Tone(Strict):
    """How an event bears on the customer's mood."""

    wanted = f"one of {', '.join(TONES)}, or null"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "enum": [*TONES, None]}

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        text = self.text(value)
        if text not in TONES:
            near = difflib.get_close_matches(text, TONES, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise broken("not_a_choice", f"{{field}} must be {self.wanted}.{hint}", ", ".join(TONES))
        return text


class Template(Label):
    """A line made of an event's properties, such as `{from_plan} → {to_plan}`."""

    def __init__(self, *, about: str) -> None:
        super().__init__(LONGEST, about=about, allow_none=True)

    def _deserialize(self, value: object, *arguments: object, **options: object) -> str:
        text = super()._deserialize(value, *arguments, **options)
        try:
            parse_template(text)
        except TemplateError as error:
            raise broken("invalid_template", f"{{field}} is no template: {error}.") from error
        return text
