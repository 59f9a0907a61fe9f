"""`contact-events topic contract`: write down what the topic promises, and refuse a change that would break it."""

from __future__ import annotations

import click


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when something is out of date or broken.")
def contract(*, check: bool) -> None:
    """Check the record schemas against all that was published; publish what is new; write schemas/asyncapi.json."""
    from schemas.asyncapi import FILE, document_text
    from schemas.published import ROOT, Published

    published = Published()
    if problems := list(published.problems()):
        raise click.ClickException(
            "\n".join(problems) + "\nReaders and records out there rely on what was published. Make a new type with the"
            " next version in its name instead."
        )
    new, file, text = list(published.unpublished()), ROOT / FILE, document_text(published)
    stale = not file.is_file() or file.read_text(encoding="utf-8") != text
    if check and (new or stale):
        missing = ", ".join([*new, *([f"schemas/{FILE}"] if stale else [])])
        raise click.ClickException(f"not published yet: {missing}. Run `contact-events topic contract`.")
    if new:
        published.publish()
    if stale:
        file.write_text(text, encoding="utf-8")
    click.echo(f"published: {', '.join(new)}" if new else "all that stands in the schemas is published")
