"""What the stack remembers, and who may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.main import read_dotenv
from cli.stack.errors import StackError
from cli.stack.state import Layout, State, load, locked, save, write_env

if TYPE_CHECKING:
    from pathlib import Path


def test_the_state_is_the_same_after_a_restart(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    state = State(ports={"kafka": 9092}, api_keys={"embedded": "key"}, services={"helpdesk": ["demo", "helpdesk"]})

    save(layout, state)

    assert load(layout) == state


def test_two_stacks_share_no_secret() -> None:
    one, other = State(), State()

    assert one.postgres_password != other.postgres_password
    assert one.secret_key != other.secret_key
    assert len(one.secret_key) >= 32


def test_secrets_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)

    save(layout, State())
    write_env(layout, {"API_KEY": "secret"})
    write_env(layout, {"API_KEY": "secret", "TOPIC": "contact-events"})  # a second time, over the first

    assert [path.stat().st_mode & 0o777 for path in (layout.state, layout.env)] == [0o600, 0o600]
    assert read_dotenv(layout.env) == {"API_KEY": "secret", "TOPIC": "contact-events"}


def test_a_damaged_state_is_named_and_never_replaced(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.run.mkdir()
    layout.state.write_text('{"instance": ', encoding="utf-8")

    with pytest.raises(StackError, match=r"state\.json cannot be read"):
        load(layout)

    assert layout.state.read_text(encoding="utf-8") == '{"instance": '


def test_a_state_lost_beside_its_data_is_an_error_not_a_new_beginning(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.run / "postgres").mkdir(parents=True)

    with pytest.raises(StackError, match="held the password"):
        load(layout)


def test_a_lock_goes_with_its_holder(tmp_path: Path) -> None:
    said: list[str] = []

    with locked(Layout(tmp_path), said.append):
        pass
    with locked(Layout(tmp_path), said.append):
        pass

    assert said == []
