"""An export as Parquet: its lines, put into columns by DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from pathlib import Path

# The value is cut out of the line, since DuckDB itself would write 1.50 as 1.5. It is the last member of the line, and
# no text before it can hold its name with both quotes: inside a text they are escaped.
_CONVERT: Final = """
    COPY (
        SELECT (json -> 'partition')::INTEGER AS "partition", (json -> 'offset')::BIGINT AS "offset",
               (json ->> 'logged_at')::TIMESTAMPTZ AS logged_at, json ->> 'key' AS key, json ->> '$.value.type' AS type,
               json ->> '$.value.source' AS source, json ->> '$.value.subject' AS subject, json ->> '$.value.id' AS id,
               try_cast(json ->> '$.value.time' AS TIMESTAMPTZ) AS time,
               try_cast(json ->> '$.value.receivedat' AS TIMESTAMPTZ) AS receivedat,
               CASE WHEN json ->> 'value' IS NOT NULL
                    THEN substr(rtrim(json::VARCHAR, chr(10)), strpos(json::VARCHAR, ',"value":') + 9)[:-2]
               END AS value,
               json ->> 'key_base64' AS key_base64, json ->> 'value_base64' AS value_base64
        FROM read_ndjson_objects($lines, maximum_object_size = 16777216)
    ) TO {file} (FORMAT parquet, COMPRESSION zstd)
"""


def check_parquet(file: Path) -> None:
    """Raise ClickException where Parquet cannot be written, before anything is read."""
    if str(file) == "-":
        raise click.UsageError("Parquet is written into a file, not to standard output")
    try:
        import duckdb  # noqa: F401 - whether it is there
    except ImportError as error:
        message = "Parquet is written by DuckDB, which is not installed: pip install 'contact-events[parquet]'"
        raise click.ClickException(message) from error


def to_parquet(lines: Path, file: Path) -> None:
    """Write an export's lines as Parquet, and remove them; the file appears when it is complete."""
    import duckdb

    part = file.with_name(file.name + ".part")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        quoted = "'" + str(part).replace("'", "''") + "'"  # COPY takes no parameter for its target
        connection.execute(_CONVERT.replace("{file}", quoted), {"lines": str(lines)})
    part.replace(file)
    lines.unlink()
