"""How proofs and faults of the projection tools are shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projector.proof import Comparison


@contextmanager
def reported_faults() -> Iterator[None]:
    """Turn faults that a person can act on into one clear message."""
    import psycopg
    from kafka.errors import KafkaError

    from projector.errors import ProjectorError
    from projector.topic import TopicMissingError
    from runtime.settings import SettingsError

    try:
        yield
    except (ProjectorError, SettingsError, TopicMissingError) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error
    except psycopg.OperationalError as error:
        raise click.ClickException(f"PostgreSQL: {str(error).strip().splitlines()[0]}") from error
    except KafkaError as error:
        raise click.ClickException(f"Kafka: {error}") from error


def print_equal(comparison: Comparison) -> None:
    """Say what was compared and found equal."""
    for table, rows in sorted(comparison.rows.items()):
        click.echo(f"  {table:<22} {rows:>12,} rows equal")
    positions = " ".join(f"{partition}:{offset}" for partition, offset in sorted(comparison.positions.items()))
    click.echo(f"equal, at the positions {positions} (projection version {comparison.new_version})")


def print_differences(comparison: Comparison) -> None:
    """Say what differs, by the keys of the rows; never what stands in them."""
    for difference in comparison.differences:
        click.echo(
            f"{difference.table}, partition {difference.partition}: {difference.live[0]:,} rows live, "
            f"{difference.new[0]:,} from the topic"
        )
        for title, keys in (("live", difference.only_live), ("topic", difference.only_new)):
            for key in keys:
                click.echo(f"  only {title}: {key}")


def advice(comparison: Comparison) -> str:
    """Say what differences mean: expected between two versions of what is projected, never within one."""
    if comparison.live_version != comparison.new_version:
        return (
            f"The live tables were made by projection version {comparison.live_version}, this program's is "
            f"{comparison.new_version}, so differences are expected: look at them, then run "
            "`contact-events projector rebuild --accept-differences`."
        )
    return (
        f"Both were made by projection version {comparison.new_version} and must be equal: something else has changed "
        "the live tables, or there is a fault. `contact-events projector rebuild --accept-differences` puts those made "
        "from the topic in their place."
    )
