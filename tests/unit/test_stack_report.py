"""What `up`, `status` and `logs` show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.stack.logs import Logs
from cli.stack.report import Row, own, table, without_password

if TYPE_CHECKING:
    from pathlib import Path


def test_the_table_says_why_a_part_is_not_ready() -> None:
    shown = table(
        [Row("kafka", "running", 17, "127.0.0.1:9092", ""), own("server", "http://127.0.0.1:8080", None, lambda: "")]
    )

    assert shown.splitlines() == [
        "part    state    pid  address                ready",
        "kafka   running  17   127.0.0.1:9092         yes",
        "server  stopped  -    http://127.0.0.1:8080  no: not running",
    ]


def test_no_password_is_shown() -> None:
    assert without_password("postgresql://me:secret@db.example/app") == "db.example:5432/app"


def test_the_last_lines_of_every_log_come_with_the_name_of_their_part(tmp_path: Path) -> None:
    (tmp_path / "kafka.log").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (tmp_path / "server.log").write_text("four\n", encoding="utf-8")

    assert Logs(tmp_path).last(2) == ["kafka     | two", "kafka     | three", "server    | four"]


def test_following_shows_what_is_added_in_whole_lines_and_notices_new_and_renewed_logs(tmp_path: Path) -> None:
    kafka = tmp_path / "kafka.log"
    kafka.write_text("old, and longer than what comes\n", encoding="utf-8")
    logs = Logs(tmp_path)
    logs.last(0)

    with kafka.open("a", encoding="utf-8") as log:
        log.write("new\nhal")
    (tmp_path / "server.log").write_text("hello\n", encoding="utf-8")
    assert logs.new() == ["kafka     | new", "server    | hello"]

    with kafka.open("a", encoding="utf-8") as log:
        log.write("f\n")
    assert logs.new() == ["kafka     | half"]

    kafka.write_text("anew\n", encoding="utf-8")
    assert logs.new() == ["kafka     | anew"]
