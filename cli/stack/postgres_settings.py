"""How PostgreSQL is set up for this product's load on this machine. Durability is left as it is: on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from cli.stack.ports import HOST

MEGABYTE = 1_000_000
WAL_MEGABYTES = 8192
SHARED_BUFFERS_MEGABYTES = 2048
"""The most that is taken unasked; a machine of its own deserves more, through settings of its own."""

MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")


def memory() -> int:
    """Return the bytes of memory this process may count on: a container's limit, else the machine's."""
    total = int(psutil.virtual_memory().total)
    with suppress(OSError, ValueError):  # no such file outside Linux, the word "max" without a limit
        return min(total, int(MEMORY_LIMIT.read_text(encoding="ascii")))
    return total


def tuned(memory_bytes: int, free_bytes: int) -> dict[str, str]:
    """Choose the settings that depend on the machine.

    With the defaults (128 MB of buffers, a checkpoint each GB) the projector's rate halves by five million rows.
    """
    buffers = min(memory_bytes // 4 // MEGABYTE, SHARED_BUFFERS_MEGABYTES)
    wal = min(free_bytes // 4 // MEGABYTE, WAL_MEGABYTES)
    return {"shared_buffers": f"{max(buffers, 32)}MB", "max_wal_size": f"{max(wal, 256)}MB"}


SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path ends at 107 bytes, a project's may be longer
    "max_connections": "200",
    "wal_compression": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
